import type { Orq, Traits } from 'orq-identify'

export interface AnalyticsPlugin {
  name: string
  loaded(): boolean
  identify(call: { payload: { userId?: string | null; traits?: Record<string, unknown> } }): void
  reset(): void
  [key: string]: unknown
}

/**
 * For `Analytics({ plugins: [orqPlugin(orq)] })` of the `analytics` package: its `identify` and `reset` reach Orq too, those
 * made before it was ready included. Traits of one person are joined for as long as the page lives; `metadata` is what
 * they come to. Without a user id nothing is sent.
 * @param orq initialised by you, now or later
 */
export const orqPlugin = (orq: Pick<Orq, 'identify' | 'reset'>): AnalyticsPlugin => {
  let person: string | undefined
  let known: Traits = {}
  return {
    name: 'orq',
    loaded: () => true,
    identify: ({ payload: { userId, traits } }) => {
      if (!userId) return
      // The traits that `analytics` keeps are joined over a change of person: they may be somebody else's.
      known = { ...(userId === person && known), ...traits }
      person = userId
      void orq.identify(userId, known)
    },
    reset: () => {
      person = undefined
      orq.reset()
    },
  }
}
