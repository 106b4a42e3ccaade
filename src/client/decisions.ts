import { hash, randomId } from '../core/hash.ts'
import type { Clock } from '../core/ports.ts'
import type { Outcome } from './outcome.ts'

/** One step of one contact's way. Holds no personal data. */
export interface Decision {
  kind: 'joined' | 'sent' | Outcome['status']
  reason?: string | undefined
  /** The contact's id, hashed with a salt that lives as long as the page. */
  contact: string
  /** Milliseconds since the epoch. */
  at: number
}

export interface Decisions {
  emit(id: string, kind: Decision['kind'], reason?: string): void
  on(listener: (decision: Decision) => void): () => void
  /** The last decision of each contact, oldest first, at most 50. */
  last(): Decision[]
}

/** The one stream of decisions; `debug` prints it, `explain` and `on` read it. */
export const createDecisions = (clock: Pick<Clock, 'now'>): Decisions & { debug: boolean } => {
  // Drawn at the first call: Cloudflare Workers allow no randomness while a module loads.
  let salt: string | undefined
  const latest = new Map<string, Decision>()
  const listeners = new Set<(decision: Decision) => void>()
  const decisions = {
    debug: false,
    emit: (id: string, kind: Decision['kind'], reason?: string): void => {
      salt ??= randomId()
      const contact = hash(salt, id)
      const decision: Decision = { kind, contact, at: clock.now(), ...(reason && { reason }) }
      latest.delete(contact)
      latest.set(contact, decision)
      if (latest.size > 50) latest.delete(latest.keys().next().value as string)
      if (decisions.debug) console.debug('orq:', kind, reason ?? '', contact)
      for (const listener of listeners) {
        try {
          listener({ ...decision })
        } catch (error) {
          // The listener's own failure is its owner's to see, and no other listener's.
          console.error(error)
        }
      }
    },
    on: (listener: (decision: Decision) => void): (() => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    last: (): Decision[] => [...latest.values()],
  }
  return decisions
}
