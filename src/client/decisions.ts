import { hash, randomId } from '../core/hash.ts'
import type { DroppedReason, Outcome, PendingReason } from './outcome.ts'

/** What each decision says. Holds no personal data. */
interface Step {
  /** The contact's id, hashed with a salt that lives as long as the page. */
  contact: string
  /** When, in milliseconds since the Unix epoch, by the device's clock. */
  at: number
  /** The fields that it is about, in the names of the wire. */
  fields?: string[] | undefined
  /** Fields that were refused for good, as in `Outcome`. */
  refused?: string[] | undefined
}

/** A request has gone out. */
interface SentStep extends Step {
  /** A request has gone out. */
  kind: 'sent'
  /** None: nothing has failed yet. */
  reason?: undefined
  /** How often this body has been sent, from 1. */
  attempt?: number | undefined
}

/** Joined to what waits, or done. */
interface GoodStep extends Step {
  /** `joined`: added to what waits for this contact. The others are outcomes, see `Outcome`. */
  kind: 'joined' | 'delivered' | 'accepted' | 'duplicate'
  /** None: all is well. */
  reason?: undefined
}

/** Kept, and tried again. */
interface PendingStep extends Step {
  /** Kept, and tried again. */
  kind: 'pending'
  /** Why it is kept. */
  reason: PendingReason
  /** When it is tried again by itself, in milliseconds from then; absent where an event is waited for. */
  againInMs?: number | undefined
}

/** Given up. */
interface DroppedStep extends Step {
  /** Never sent again. */
  kind: 'dropped'
  /** Why it is given up. */
  reason: DroppedReason
}

/** One step of one contact's way. A contact may have several outcomes, such as `pending` and later `delivered`. */
export type Decision = SentStep | GoodStep | PendingStep | DroppedStep

/** What a step says beside its kind and reason. */
export interface Details {
  fields?: string[] | undefined
  refused?: string[] | undefined
  attempt?: number | undefined
  againInMs?: number | undefined
}

/** Tells of a step. @returns it as an outcome, for those that are one */
export type Emit = (id: string, kind: Decision['kind'], reason?: string, details?: Details) => Outcome

export interface Decisions {
  emit: Emit
  on(listener: (decision: Decision) => void): () => void
  /** The last decision of each contact, or of one. */
  last(id?: string): Decision[]
}

/** Of how many contacts the last decision is remembered. */
const maxRemembered = 500

/** The one stream of decisions; `debug`, `explain` and `on` read it. */
export const createDecisions = (): Decisions => {
  // Drawn at the first call: Cloudflare Workers allow no randomness while a module loads.
  let salt = ''
  /** By id, which stays in here: hashing it again would be a sixth of what a repeated call costs. */
  const latest = new Map<string, Decision>()
  const listeners = new Set<(decision: Decision) => void>()
  return {
    emit: (id, kind, reason, details) => {
      salt ||= randomId()
      const former = latest.get(id)
      const contact = former?.contact ?? hash(salt, id)
      const decision = { kind, reason, contact, at: Date.now(), ...details } as Decision
      latest.set(id, decision)
      // A server may identify people without end.
      if (!former && latest.size > maxRemembered) latest.delete(latest.keys().next().value!)
      for (const listener of listeners) {
        try {
          listener(decision)
        } catch (error) {
          // Its owner's to see, and no other listener's.
          console.error(error)
        }
      }
      return { status: kind, reason, refused: details?.refused } as Outcome
    },
    on: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    last: (id) => [...latest].flatMap(([key, decision]) => (id === undefined || id === key ? decision : [])),
  }
}
