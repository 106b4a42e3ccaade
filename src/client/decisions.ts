import { hash, randomId } from '../core/hash.ts'
import type { Outcome } from './outcome.ts'

/** One step of one contact's way. Holds no personal data. */
export interface Decision {
  /**
   * `joined`: added to what waits for this contact. `sent`: a request has gone out. The others are outcomes, see
   * `Outcome`; a contact may have several of them, such as `pending` and later `delivered`.
   */
  kind: 'joined' | 'sent' | 'delivered' | 'accepted' | 'duplicate' | 'pending' | 'dropped'
  /** Why it is `pending` or `dropped`, in the words of `PendingReason` and `DroppedReason`; undefined for every other kind. */
  reason?: string | undefined
  /** The contact's id, hashed with a salt that lives as long as the page. */
  contact: string
  /** When, in milliseconds since the Unix epoch, by the device's clock. */
  at: number
}

export type Emit = (id: string, kind: Decision['kind'], reason?: string) => Outcome

/** Prints a line, once per page. */
export type Say = (text: string, level?: 'error' | 'warn') => void

export interface Decisions {
  /** Tells of a step. @returns it as an outcome, for those that are one */
  emit: Emit
  on(listener: (decision: Decision) => void): () => void
  /** The last decision of each contact. */
  last(): Decision[]
}

/** The one stream of decisions; `debug`, `explain` and `on` read it. */
export const createDecisions = (): Decisions => {
  // Drawn at the first call: Cloudflare Workers allow no randomness while a module loads.
  let salt = ''
  /** By id, which stays in here: hashing it again would be a sixth of what a repeated call costs. */
  const latest = new Map<string, Decision>()
  const listeners = new Set<(decision: Decision) => void>()
  return {
    emit: (id, kind, reason) => {
      salt ||= randomId()
      const contact = latest.get(id)?.contact ?? hash(salt, id)
      const decision = { kind, reason, contact, at: Date.now() }
      latest.set(id, decision)
      for (const listener of listeners) {
        try {
          listener(decision)
        } catch (error) {
          // Its owner's to see, and no other listener's.
          console.error(error)
        }
      }
      return { status: kind, reason } as Outcome
    },
    on: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    last: () => [...latest.values()],
  }
}
