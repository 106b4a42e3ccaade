import type { Fields } from '../core/contact.ts'
import type { Clock } from '../core/ports.ts'
import type { Claim } from '../store/store.ts'
import type { Delivery } from './delivery.ts'

export interface Waiter {
  externalId: string
  version: number
  fields: Fields
  /** How often the store had been asked for what is due when this one began to wait. */
  ask: number
}

/** The requests that wait for what becomes of their update. */
export interface Waiters {
  /** Waits for this version, at most so long; then `late` decides. */
  wait(waiter: Waiter, patienceMs: number, late: () => Delivery): Promise<Delivery>
  /** Answers those whose update the claim carried. */
  tell(claim: Claim, delivery: (waiter: Waiter) => Delivery): void
  /** Answers those for whom there is an answer. */
  tellAll(delivery: (waiter: Waiter) => Delivery | undefined): void
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
      for (const [waiter, settle] of [...byContact.values()].flatMap((some) => [...some])) {
        const answer = delivery(waiter)
        if (answer) settle(answer)
      }
    },
  }
}
