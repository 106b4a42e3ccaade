import type { Orq, Traits } from 'orq-identify'

/** The part of analytics-next that is used, so that nothing of it has to be installed. */
export interface SegmentAnalytics {
  /** Whom it knows now, at once after a `reset`. */
  user(): {
    /** Null or undefined before the first `identify` and after a `reset`. */
    id(): string | null | undefined
  }
  /** Its emitter's: `reset` is told while `analytics.reset()` runs, ahead of events that still wait. */
  on(event: 'reset', listener: () => void): unknown
  /** Ends what `on` began, by the same function. */
  off(event: 'reset', listener: () => void): unknown
}

/** The part of a Segment context that is read. */
export interface SegmentContext {
  /** One call, as Segment has joined it with what it knew (https://segment.com/docs/connections/spec/identify/). */
  event: {
    /** Nobody known by an id: nothing is sent. */
    userId?: string | null | undefined
    /** All that Segment knows of the person, not only what this call brought. */
    traits?: object | null | undefined
  }
}

/** What `analytics.register` takes: the part of a plugin of analytics-next that we have. Called by the library alone. */
export interface SegmentPlugin {
  /** `Orq`, by which `integrations` turns it off. */
  name: string
  /** A destination: it hears events after every enrichment, and is left out where `integrations` says so. */
  type: 'destination'
  /** True at once: the client itself waits for `orq.init`. */
  isLoaded(): boolean
  /** Begins to hear `reset`. */
  load(context: unknown, analytics: SegmentAnalytics): Promise<void>
  /** Ends hearing `reset`; `orq` itself goes on. */
  unload(context: unknown, analytics: SegmentAnalytics): void
  /** Hands a call on to `orq.identify` unless its person has left since. @returns the context, as it came */
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
