import type { Contact, FieldName, Fields } from '../core/contact.ts'
import type { Clock } from '../core/ports.ts'
import { parseRetryAfter } from '../core/retry.ts'
import type { Claim, PutResult, Store, Update } from '../store/store.ts'
import type { UpsertResult } from '../upstream/upsert.ts'

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

export interface DispatcherOptions {
  store: Store
  upsert(contact: Contact, signal: AbortSignal): Promise<UpsertResult>
  clock: Clock
  /** Calls to upstream at the same time. @defaultValue 64 */
  concurrency?: number | undefined
}

export interface Dispatcher {
  /** Stores an update, and delivers it or leaves it to be delivered. Rejects only when the store could not take it. */
  deliver(update: Update): Promise<Delivery>
  /** Aborts what is on the wire, answers who waits, and closes the store. */
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
  const running = new Map<Claim, { aborter: AbortController; ended: Promise<void> }>()
  /** Calls on the wire and slots kept for a claim that the store is asked for. Counted before any waiting. */
  let taken = 0
  let isClosed = false
  let isPumping = false
  let pumpAgain = false

  const tell = (claim: Claim, delivery: (waiter: Waiter) => Delivery): void => {
    for (const waiter of waiters.get(claim.externalId) ?? []) {
      if (waiter.version <= claim.version) waiter.settle(delivery(waiter))
    }
  }

  /** Uses a slot that is already taken. */
  const start = (claim: Claim): void => {
    const aborter = new AbortController()
    const ended = run(claim, aborter.signal)
      // The store failed after upstream's answer: the lease runs out, and the delivery is repeated.
      .catch(() => tell(claim, () => ({ kind: 'unavailable' })))
      .then(() => {
        running.delete(claim)
        taken--
        void pump()
      })
    running.set(claim, { aborter, ended })
  }

  /** One at a time, so that a row which becomes due meanwhile is looked for once more and never overlooked. */
  const pump = async (): Promise<void> => {
    pumpAgain = true
    if (isPumping) return
    isPumping = true
    while (pumpAgain && !isClosed && taken < concurrency) {
      pumpAgain = false
      const free = concurrency - taken
      taken += free
      // A store that fails is asked again at the next update.
      const claims = await store.claim(free).catch(() => [])
      taken -= free - claims.length
      for (const claim of claims) start(claim)
    }
    isPumping = false
  }

  const run = async (claim: Claim, signal: AbortSignal): Promise<void> => {
    const { externalId: external_id, fields } = claim
    const result = await upsert({ external_id, ...fields }, signal).catch(() => undefined)
    if (result?.kind === 'refused') return split(claim, signal)
    if (result?.kind !== 'done') return fail(claim, result)
    await store.done(claim)
    const { id, updated } = parseReceipt(result.answer.body)
    tell(claim, () => ({ kind: 'delivered', id, updated }))
  }

  /** What an update that is stored and not delivered comes to. */
  const stored = (retryAfterMs?: number): Delivery =>
    store.isDurable ? { kind: 'accepted' } : { kind: 'unavailable', retryAfterMs }

  const fail = async (claim: Claim, result: UpsertResult | undefined): Promise<void> => {
    const retryAfterMs = parseRetryAfter(result?.answer.headers.get('retry-after'), clock.now())
    const reason = result ? `status ${result.answer.status}` : 'no answer'
    await store.retry(claim, clock.now() + (retryAfterMs ?? 1_000), reason)
    tell(claim, () => stored(retryAfterMs))
  }

  /** Upstream refuses something: field by field the rest still gets through. */
  const split = async (claim: Claim, signal: AbortSignal): Promise<void> => {
    const { externalId: external_id, fields } = claim
    const names = Object.keys(fields) as FieldName[]
    const refused: (keyof Contact)[] = []
    for (const field of names) {
      // Of one field the answer is known.
      const result =
        names.length > 1
          ? await upsert({ external_id, [field]: fields[field] }, signal).catch(() => undefined)
          : undefined
      if (names.length === 1 || result?.kind === 'refused') refused.push(field)
      else if (result?.kind !== 'done') return fail(claim, result)
    }
    // Nothing was taken, so nobody knows whether there is a contact.
    if (refused.length === names.length) refused.push('external_id')
    await store.park(claim, refused, 'refused')
    tell(claim, (waiter) => {
      const own = names.length ? (Object.keys(waiter.fields) as FieldName[]) : (['external_id'] as const)
      const field = own.find((name) => refused.includes(name))
      if (field) return store.isDurable ? { kind: 'accepted' } : { kind: 'refused', field }
      if (own.length || !refused.includes('external_id')) return { kind: 'delivered' }
      // An update of the id alone, joined to fields that were refused: it may well pass by itself.
      return stored()
    })
  }

  const put = async (update: Update): Promise<PutResult> => {
    const claim = taken < concurrency
    if (claim) taken++
    let result: PutResult | undefined
    try {
      result = await store.put(update, { claim })
      return result
    } finally {
      if (claim && !(result?.kind === 'stored' && result.claim)) taken--
    }
  }

  const wait = (externalId: string, fields: Fields, version: number): Promise<Delivery> =>
    new Promise((resolve) => {
      const waiter: Waiter = {
        version,
        fields,
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
        for (const [claim, { aborter }] of running) if (claim.externalId === externalId) aborter.abort()
        store.withdraw?.(externalId, version)
        waiter.settle({ kind: 'unavailable' })
      })
      const others = waiters.get(externalId) ?? new Set()
      waiters.set(externalId, others.add(waiter))
    })

  return {
    deliver: async (update) => {
      if (isClosed) return { kind: 'unavailable' }
      const result = await put(update)
      if (result.kind === 'unchanged') return { kind: 'delivered' }
      if (result.kind !== 'stored') return result
      if (isClosed) return stored()
      const delivery = wait(update.externalId, update.fields, result.version)
      if (result.claim) start(result.claim)
      else void pump()
      return delivery
    },
    close: async () => {
      isClosed = true
      for (const { aborter } of running.values()) aborter.abort()
      await Promise.all([...running.values()].map(({ ended }) => ended))
      for (const waiter of [...waiters.values()].flatMap((some) => [...some])) waiter.settle(stored())
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
