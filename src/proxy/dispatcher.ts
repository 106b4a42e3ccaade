import type { Contact, FieldName, Fields } from '../core/contact.ts'
import type { Clock } from '../core/ports.ts'
import { parseRetryAfter } from '../core/retry.ts'
import type { Claim, Store, Update } from '../store/store.ts'
import type { UpsertResult } from '../upstream/upsert.ts'

/** What became of an update. `id` and `updated` are upstream's, when it gave them. */
export type Delivery =
  | { kind: 'delivered'; id?: string | undefined; updated?: string | undefined }
  | { kind: 'accepted' }
  | { kind: 'superseded'; number: number }
  /** Upstream will never take this field. */
  | { kind: 'refused'; field: FieldName | 'external_id' }
  | { kind: 'unavailable'; retryAfterMs?: number | undefined }

export interface DispatcherOptions {
  store: Store
  upsert(contact: Contact, signal: AbortSignal): Promise<UpsertResult>
  clock: Clock
  /** Calls to upstream at the same time. @defaultValue 64 */
  concurrency?: number | undefined
}

export interface Dispatcher {
  /** Stores an update, and delivers it or leaves it to be delivered. */
  deliver(update: Update): Promise<Delivery>
  close(): Promise<void>
}

/** What a durable store has is safe: the page need not wait for upstream. Anything else must be told before the answer. */
const patienceMs = (store: Store): number => (store.isDurable ? 2_000 : 8_000)

interface Waiter {
  version: number
  fields: Fields
  settle(delivery: Delivery): void
}

/** The one way to deliver: a claimed row's whole payload, one call at a time per contact, a capped number in all. */
export const createDispatcher = ({ store, upsert, clock, concurrency = 64 }: DispatcherOptions): Dispatcher => {
  const waiters = new Map<string, Set<Waiter>>()
  const running = new Map<string, AbortController>()
  const idle = (): number => concurrency - running.size

  const tell = (claim: Claim, delivery: (waiter: Waiter) => Delivery): void => {
    for (const waiter of waiters.get(claim.externalId) ?? []) {
      if (waiter.version <= claim.version) waiter.settle(delivery(waiter))
    }
  }

  const start = (claim: Claim): void => {
    const aborter = new AbortController()
    running.set(claim.externalId, aborter)
    run(claim, aborter.signal)
      // The store failed after upstream's answer: the lease runs out, and the delivery is repeated.
      .catch(() => tell(claim, () => ({ kind: 'unavailable' })))
      .then(() => {
        running.delete(claim.externalId)
        return pump()
      })
      .catch(() => {})
  }

  const pump = async (): Promise<void> => {
    if (idle() > 0) for (const claim of await store.claim(idle())) start(claim)
  }

  const run = async (claim: Claim, signal: AbortSignal): Promise<void> => {
    const { externalId: external_id, fields } = claim
    const result = await upsert({ external_id, ...fields }, signal).catch(() => undefined)
    if (result?.kind === 'done') {
      await store.done(claim)
      const { id, updated } = parseReceipt(result.answer.body)
      return tell(claim, () => ({ kind: 'delivered', id, updated }))
    }
    if (result?.kind === 'refused') return split(claim, signal)
    const retryAfterMs = parseRetryAfter(result?.answer.headers.get('retry-after'), clock.now())
    await fail(claim, result, retryAfterMs)
  }

  const fail = async (claim: Claim, result: UpsertResult | undefined, retryAfterMs?: number): Promise<void> => {
    await store.retry(
      claim,
      clock.now() + (retryAfterMs ?? 1_000),
      result ? `status ${result.answer.status}` : 'no answer',
    )
    tell(claim, () => (store.isDurable ? { kind: 'accepted' } : { kind: 'unavailable', retryAfterMs }))
  }

  /** Upstream refuses something: field by field the rest still gets through. */
  const split = async (claim: Claim, signal: AbortSignal): Promise<void> => {
    const { externalId: external_id, fields } = claim
    const refused: FieldName[] = []
    for (const field of Object.keys(fields) as FieldName[]) {
      const result = await upsert({ external_id, [field]: fields[field] }, signal).catch(() => undefined)
      if (result?.kind === 'refused') refused.push(field)
      else if (result?.kind !== 'done') return fail(claim, result)
    }
    await store.park(claim, refused, 'refused')
    tell(claim, (waiter) => {
      const field = refused.find((name) => name in waiter.fields)
      if (field || !Object.keys(fields).length) return { kind: 'refused', field: field ?? 'external_id' }
      return { kind: 'delivered' }
    })
  }

  const deliver = async (update: Update): Promise<Delivery> => {
    const result = await store.put(update, { claim: idle() > 0 })
    if (result.kind === 'unchanged') return { kind: 'delivered' }
    if (result.kind === 'superseded') return result
    const { externalId } = update
    return new Promise((resolve) => {
      const waiter: Waiter = {
        version: result.version,
        fields: update.fields,
        settle: (delivery) => {
          cancel()
          const others = waiters.get(externalId)
          others?.delete(waiter)
          if (!others?.size) waiters.delete(externalId)
          resolve(delivery)
        },
      }
      const cancel = clock.after(patienceMs(store), () => {
        if (store.isDurable) return waiter.settle({ kind: 'accepted' })
        // Aborting fails the call, and a failed call withdraws the update.
        running.get(externalId)?.abort()
        store.withdraw?.(externalId, waiter.version)
        waiter.settle({ kind: 'unavailable' })
      })
      const others = waiters.get(externalId) ?? new Set()
      waiters.set(externalId, others.add(waiter))
      if (result.claim) start(result.claim)
    })
  }

  return {
    deliver,
    close: async () => {
      for (const aborter of running.values()) aborter.abort()
      await store.close()
    },
  }
}

/** The two things a page may know of upstream's answer. */
const parseReceipt = (body: string): { id?: string | undefined; updated?: string | undefined } => {
  try {
    const { _id, updated } = JSON.parse(body)
    return {
      id: typeof _id === 'string' && _id.length <= 128 ? _id : undefined,
      updated: typeof updated === 'string' && updated.length <= 64 ? updated : undefined,
    }
  } catch {
    return {}
  }
}
