import type { Orq, Traits } from 'orq-identify'

/** What `plugins` of the `analytics` package takes: the part of a plugin that we have. Called by the library alone. */
export interface AnalyticsPlugin {
  /** `orq`, by which `analytics.plugins.disable` turns it off. */
  name: string
  /** True at once: the client itself waits for `orq.init`. */
  loaded(): boolean
  /** Hands the traits of this person, joined while the page lives, on to `orq.identify`. */
  identify(call: { payload: { userId?: string | null; traits?: Record<string, unknown> } }): void
  /** Forgets the traits and calls `orq.reset`. */
  reset(): void
  /** Asked for by the library's own type, which allows methods of any name; we have no other. */
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
