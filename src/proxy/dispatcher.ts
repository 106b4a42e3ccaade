import type { Clock } from '../core/ports.ts'
import type { Claim, PutResult, Store, Update } from '../store/store.ts'
import { type AttemptLimits, callMs, createAttempt, type Outcome, type Upsert } from './attempt.ts'
import { type Delivery, deliveryOf, storedDelivery } from './delivery.ts'
import type { EventListener } from './events.ts'
import { createPace } from './pace.ts'
import { createRecord } from './record.ts'
import { createWaiters } from './waiters.ts'
import { watchStore } from './watched-store.ts'

export interface DispatcherOptions {
  store: Store
  upsert: Upsert
  clock: Clock
  /** Calls to upstream at the same time. @defaultValue 64 */
  concurrency?: number | undefined
  /** From 0 to 1, for back-offs that do not meet. */
  random?: (() => number) | undefined
  onEvent?: EventListener | undefined
}

/** Hears of work that goes on after the answer: some runtimes stop what a request began when it has ended. */
export type KeepAlive = (work: Promise<unknown>) => void

export interface Dispatcher {
  /** Stores an update, and delivers it or leaves it to be delivered. Rejects only when the store could not take it. */
  deliver(update: Update, keepAlive?: KeepAlive): Promise<Delivery>
  /**
   * Starts nothing more, lets calls on the wire end for `graceMs`, aborts the rest, gives their claims back, answers who
   * waits, and closes the store.
   */
  close(graceMs?: number): Promise<void>
}

/** What a durable store has is safe: the page need not wait for upstream. Anything else must be told before the answer. */
const patienceMs = { durable: 2_000, volatile: 8_000 }
/** The longest that one upsert takes: POST and PATCH. */
const upsertMs = 2 * callMs
const pollMs = 500
/** Who waited longer than this to be claimed shows that calls are made slower than updates arrive. */
const behindMs = 1_000

interface Running {
  aborter: AbortController
  ended: Promise<void>
  /** Whether an update of this contact has come since. */
  hasNewer: boolean
}

/** The one way to deliver: a claimed row's whole payload, one call at a time per contact, a capped number in all. */
export const createDispatcher = (options: DispatcherOptions): Dispatcher => {
  const { upsert, clock, concurrency = 64, random = Math.random, onEvent } = options
  const store = onEvent ? watchStore(options.store, clock, onEvent) : options.store
  const { isDurable, leaseMs } = store
  const waiters = createWaiters(clock)
  const pace = createPace({ concurrency, clock, random, onEvent })
  const attempt = createAttempt({ store, upsert, clock, pace, random, onEvent })
  const record = createRecord({ store, clock, onEvent })
  /** By contact, until the outcome is in the store. */
  const running = new Map<string, Running>()
  const storing = new Set<Promise<unknown>>()
  /** Contacts with an update that is being stored and keeps a slot. */
  const asking = new Set<string>()
  /** Calls on the wire and slots kept for a claim that the store is asked for. Counted before any waiting. */
  let taken = 0
  let isClosed = false
  let isPumping = false
  /** How often the store was asked for what is due. */
  let asks = 0
  /** Whether the store may have something due that nobody has asked for. */
  let mayBeDue = isDurable
  let isBehind = false

  const stored = (retryAfterMs?: number): Delivery => storedDelivery(isDurable, retryAfterMs)

  const run = async (claim: Claim, limits: AttemptLimits): Promise<Outcome['kind']> => {
    const outcome = await attempt(claim, limits)
      .then((result): Outcome => (isClosed && result.kind === 'retry' ? { kind: 'released' } : result))
      // The store failed while it was looked at.
      .catch((): Outcome => ({ kind: 'released' }))
    taken--
    const recorded = record(claim, outcome)
    // Recording is collected with others: a backlog need not wait for that. (What a volatile store gave up is aborted,
    // and a claim that came before it has ended would be, too.)
    if (isDurable && mayBeDue) void pump()
    // What a durable store could not record, it still has. What it was told to forget must be forgotten first.
    if (!isDurable) await recorded
    if (outcome.kind !== 'released') waiters.tell(claim, ({ fields }) => deliveryOf(fields, claim, outcome, isDurable))
    await recorded
    return outcome.kind
  }

  /** Uses a slot that is already taken. @param askedAt when the store was asked, by the monotonic clock */
  const start = (claim: Claim, askedAt: number, keepAlive: KeepAlive): void => {
    const { externalId } = claim
    const before = running.get(externalId)
    // One aborter for all that is lined up, so that closing reaches the first.
    const aborter = before?.aborter ?? new AbortController()
    const ended = (before?.ended ?? Promise.resolve())
      // A clock that leapt may have ended a lease of ours early: still one call at a time.
      .then(() => run(claim, { signal: aborter.signal, startBy: askedAt + leaseMs - upsertMs, hasWaited: !!before }))
      // The store failed after upstream's answer: the lease runs out, and the delivery is repeated.
      .catch(() => waiters.tell(claim, () => stored()))
      .then((kind) => {
        if (running.get(externalId) === self) running.delete(externalId)
        // Only then: asking costs a transaction.
        if (self.hasNewer || kind !== 'done') mayBeDue = true
        if (mayBeDue) keepAlive(pump(keepAlive))
      })
    keepAlive(ended)
    const self: Running = { aborter, ended, hasNewer: false }
    running.set(externalId, self)
  }

  /** Claims that came when closing had begun; it waits for this. */
  const giveBack = async (claims: readonly Claim[]): Promise<void> => {
    taken -= claims.length
    const releasing = store.release(claims).catch(() => {}) // the lease runs out
    storing.add(releasing)
    await releasing
    storing.delete(releasing)
  }

  /** One at a time, so that a row which becomes due meanwhile is looked for once more and never overlooked. */
  const pump = async (keepAlive: KeepAlive = () => {}): Promise<void> => {
    if (isPumping) return
    isPumping = true
    let isBacklog = isBehind
    for (let free = pace.free(taken); mayBeDue && !isClosed && free > 0; free = pace.free(taken)) {
      mayBeDue = false
      // The rest is for what comes meanwhile: what is not claimed as it is stored another process may take.
      const limit = isBacklog ? free : Math.ceil(free / 2)
      taken += limit
      const askedAt = clock.monotonic()
      const ask = ++asks
      const claiming = store.claim(limit).catch(() => []) // a store that fails is asked again at the next poll
      storing.add(claiming)
      const claims = await claiming
      storing.delete(claiming)
      taken -= limit - claims.length
      isBacklog = claims.length === limit
      mayBeDue ||= isBacklog
      isBehind = isBacklog && clock.now() - (claims.at(-1)?.pendingSince ?? 0) > behindMs
      if (isClosed) await giveBack(claims)
      else for (const claim of claims) start(claim, askedAt, keepAlive)
      // Nothing more is due: what was waited for before that, and is not sent here, is in back-off or held elsewhere.
      if (isDurable && !mayBeDue)
        waiters.tellAll((waiter) => (waiter.ask < ask && !running.has(waiter.externalId) ? stored() : undefined))
    }
    isPumping = false
    // Who waits for a call that may not be made now would wait in vain.
    if (pace.waitMs() > 0)
      waiters.tellAll(({ externalId, version }) => (running.has(externalId) ? undefined : giveUp(externalId, version)))
  }

  let cancelPoll = (): void => {}
  const poll = (): void => {
    cancelPoll = clock.after(pollMs, poll)
    mayBeDue = true
    void pump()
  }
  // Rows come due by themselves, of this process or of one that died.
  if (isDurable) poll()

  const put = async (update: Update, keepAlive: KeepAlive): Promise<PutResult> => {
    const { externalId } = update
    // One slot per contact: many updates of one must not leave others without a claim.
    const claim = pace.isOpen() && !isBehind && taken < concurrency && !asking.has(externalId)
    if (claim) {
      taken++
      asking.add(externalId)
    }
    let result: PutResult | undefined
    try {
      result = await store.put(update, { claim })
      if (!isClosed || result.kind !== 'stored' || !result.claim) return result
      // Before the store is closed, which waits for this.
      await giveBack([result.claim])
      return { ...result, claim: undefined }
    } finally {
      if (claim) asking.delete(externalId)
      if (claim && !(result?.kind === 'stored' && result.claim)) {
        taken--
        // Another contact may have been left without a claim for want of this slot.
        if (mayBeDue) keepAlive(pump(keepAlive))
      }
    }
  }

  /** What is on the wire is aborted, and a failed call withdraws the update. */
  const giveUp = (externalId: string, version: number): Delivery => {
    if (!isDurable) {
      running.get(externalId)?.aborter.abort()
      store.withdraw?.(externalId, version)
    }
    return stored(pace.waitMs() || undefined)
  }

  return {
    deliver: async (update, keepAlive = () => {}) => {
      if (isClosed) return { kind: 'unavailable' }
      const askedAt = clock.monotonic()
      const wasRunning = running.has(update.externalId)
      const storingThis = put(update, keepAlive)
      storing.add(storingThis)
      const result = await storingThis.finally(() => storing.delete(storingThis))
      if (result.kind === 'unchanged') return { kind: 'delivered' }
      if (result.kind !== 'stored') return result
      const { externalId, fields } = update
      const { version, claim, waits } = result
      if (isClosed) {
        if (claim) await giveBack([claim])
        return stored()
      }
      const ask = asks
      const before = running.get(externalId)
      if (before) before.hasNewer = true
      else if (!claim) {
        mayBeDue = true
        void pump(keepAlive)
        const isFar = isDurable ? (waits && !wasRunning) || isBehind || !pace.isOpen() : pace.waitMs() > 0
        if (isFar) return giveUp(externalId, version)
      }
      const patience = isDurable ? patienceMs.durable : patienceMs.volatile
      const delivery = waiters.wait({ externalId, version, fields, ask }, patience, () => giveUp(externalId, version))
      if (claim) start(claim, askedAt, keepAlive)
      return delivery
    },
    close: async (graceMs = 0) => {
      isClosed = true
      cancelPoll()
      while (storing.size) await Promise.allSettled(storing)
      const ended = (): Promise<unknown> => Promise.all([...running.values()].map((one) => one.ended))
      const abort = (): void => {
        for (const { aborter } of running.values()) aborter.abort()
      }
      const cancel = graceMs > 0 ? clock.after(graceMs, abort) : abort()
      await ended()
      cancel?.()
      waiters.tellAll(() => stored())
      await store.close()
    },
  }
}
