import type { Orq, Traits } from 'orq-identify'

/** The part of analytics-next that is used, so that nothing of it has to be installed. */
export interface SegmentAnalytics {
  user(): { id(): string | null | undefined }
  on(event: 'reset', listener: () => void): unknown
  off(event: 'reset', listener: () => void): unknown
}

export interface SegmentContext {
  event: { userId?: string | null | undefined; traits?: object | null | undefined }
}

export interface SegmentPlugin {
  name: string
  type: 'destination'
  isLoaded(): boolean
  load(context: unknown, analytics: SegmentAnalytics): Promise<void>
  unload(context: unknown, analytics: SegmentAnalytics): void
  identify<Context extends SegmentContext>(context: Context): Context
}

/**
 * For `analytics.register(orqPlugin(orq))` of @segment/analytics-next: its `identify` and `reset` reach Orq too, those made
 * before it was ready included. A destination by the name of `Orq`, for `{ integrations: { Orq: false } }`. Traits are
 * all that Segment knows of the person, so `metadata` grows by each call as it does there. Without a user id nothing is
 * sent.
 * @param orq initialised by you, now or later
 */
export const orqPlugin = (orq: Pick<Orq, 'identify' | 'reset'>): SegmentPlugin => {
  const reset = (): void => orq.reset()
  let current: () => string | null | undefined
  return {
    name: 'Orq',
    type: 'destination',
    isLoaded: () => true,
    load: async (_, analytics) => {
      current = () => analytics.user().id()
      analytics.on('reset', reset)
    },
    unload: (_, analytics) => void analytics.off('reset', reset),
    identify: (context) => {
      const { userId, traits } = context.event
      // Events come late, a reset at once: what was called before one must not bring the person back.
      if (userId && userId === current()) void orq.identify(userId, traits as Traits)
      return context
    },
  }
}
