import type { FieldName, Fields } from '../core/contact.ts'
import type { Clock } from '../core/ports.ts'
import type { Claim } from '../store/store.ts'

/** What became of an update. `id` and `updated` are upstream's, when it gave them. */
export type Delivery =
  | { kind: 'delivered'; id?: string | undefined; updated?: string | undefined }
  | { kind: 'accepted' }
  | { kind: 'superseded'; number: number }
  /** The token is older than what it may write. */
  | { kind: 'revoked' }
  /** Upstream will never take this field. */
  | { kind: 'refused'; field: FieldName | 'external_id' }
  | { kind: 'unavailable'; retryAfterMs?: number | undefined }

export interface Waiter {
  externalId: string
  version: number
  fields: Fields
}

/** The requests that wait for what becomes of their update. */
export interface Waiters {
  /** Waits for this version, at most so long; then `late` decides. */
  wait(waiter: Waiter, patienceMs: number, late: () => Delivery): Promise<Delivery>
  /** Answers those whose update the claim carried. */
  tell(claim: Claim, delivery: (waiter: Waiter) => Delivery): void
  tellAll(delivery: Delivery): void
}

export const createWaiters = (clock: Clock): Waiters => {
  const byContact = new Map<string, Map<Waiter, (delivery: Delivery) => void>>()
  return {
    wait: (waiter, patienceMs, late) =>
      new Promise((resolve) => {
        const { externalId } = waiter
        const settle = (delivery: Delivery): void => {
          cancel()
          const others = byContact.get(externalId)
          others?.delete(waiter)
          if (!others?.size) byContact.delete(externalId)
          resolve(delivery)
        }
        const cancel = clock.after(patienceMs, () => settle(late()))
        const others = byContact.get(externalId) ?? new Map()
        byContact.set(externalId, others.set(waiter, settle))
      }),
    tell: ({ externalId, version }, delivery) => {
      for (const [waiter, settle] of byContact.get(externalId) ?? [])
        if (waiter.version <= version) settle(delivery(waiter))
    },
    tellAll: (delivery) => {
      for (const settle of [...byContact.values()].flatMap((some) => [...some.values()])) settle(delivery)
    },
  }
}
