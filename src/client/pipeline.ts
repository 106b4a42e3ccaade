import type { Contact } from '../core/contact.ts'
import { isAcknowledged } from '../core/ledger.ts'
import type { Fetch } from '../core/ports.ts'
import { createBackoff } from './backoff.ts'
import { createBatch } from './batch.ts'
import { recordCall } from './calls.ts'
import { createEntries } from './entries.ts'
import { type Emit, type Entry, hasUnsent, joinFields, settleBatches } from './entry.ts'
import type { Lock } from './lock.ts'
import type { Settings } from './options.ts'
import { type DroppedReason, type Outcome, pending } from './outcome.ts'
import { hashOf, ledgerOf, type RecordsStore } from './records.ts'
import { createSender, maxKeepaliveBytes, type Verdict } from './sender.ts'
import type { Token, Tokens } from './tokens.ts'

export interface PipelineParts {
  settings: Settings
  store: RecordsStore
  tokens: Tokens
  lock: Lock
  /** ky's chunk; rejects when it cannot be loaded. */
  load(): Promise<Fetch>
  isOffline(): boolean
  /** False while consent is not given or after `close`. */
  mayRun(): boolean
  emit: Emit
  /** One console line per text and page. */
  complain(text: string, level?: 'warn'): void
}

/** The way of a contact from its call to its acknowledgement, and when each step happens. */
export interface Pipeline {
  /** `until`: how long a duplicate stays one, in milliseconds since the epoch; else 0. */
  identify(contact: Contact, force: boolean): { outcome: Promise<Outcome>; until: number }
  /** Takes up what an earlier page left in the outbox. */
  resume(): void
  /** Sends at once what needs no waiting: the page may be gone in a moment. */
  leave(): void
  /** Ends a back-off that no server ordered. */
  wake(): void
  /** Resolves when nothing can be sent now. `isLast`: no retry follows by itself. */
  flush(isLast: boolean): Promise<void>
  /** Forgets what waits; its calls end as `dropped` with this reason. */
  forget(reason: DroppedReason): void
}

export const createPipeline = (parts: PipelineParts): Pipeline => {
  const { settings, store, tokens, lock, load, isOffline, mayRun, emit } = parts
  const { clock, dedupeTtlMs, settleMs, debounceMs, maxWaitMs } = settings
  const sender = createSender(settings, store, parts)
  const backoff = createBackoff(settings, store)
  const entries = createEntries(emit)
  const { ready } = entries
  const flying = new Set<Promise<void>>()
  /** The person of the last call on this page: whom an opaque token speaks for. */
  let current: string | undefined
  let running: Promise<void> | undefined
  let asked: ReturnType<Tokens['get']> | undefined
  let isRenewed = false
  let cancelWake = (): void => {}

  const speaksFor = (token: Token, id: string): boolean => (token.subject ?? current) === id

  const identify: Pipeline['identify'] = (contact, force) => {
    const id = contact.external_id
    if (id !== current) changePerson(id)
    const records = store.read()
    const entry = entries.of(id, records)
    const call = recordCall(entry, records, { contact, force, clock, ttlMs: dedupeTtlMs })
    if (call.kind === 'duplicate') {
      emit(id, 'duplicate')
      entries.release(entry)
      return { outcome: Promise.resolve({ status: 'duplicate' }), until: call.until }
    }
    const { batches, changed } = call
    let batch = batches.find(({ open }) => open)
    if (batch) emit(id, 'joined')
    else {
      batch = createBatch(clock, settleMs, () => {
        const reason = backoff.reason() ?? 'timeout'
        emit(id, 'pending', reason)
        return pending(reason)
      })
      batches.push(batch)
    }
    if (changed) backoff.cutShort()
    store.save()
    if (batches === entry.batches) debounce(entry)
    return { outcome: batch.promise, until: 0 }
  }

  const changePerson = (id: string): void => {
    sendNow()
    current = id
    if (tokens.peek()?.subject !== id) {
      asked = undefined
      tokens.discard()
    }
  }

  const debounce = (entry: Entry): void => {
    const now = clock.monotonic()
    entry.since ??= now
    entry.cancelDebounce()
    entry.cancelDebounce = clock.after(Math.max(0, Math.min(debounceMs, entry.since + maxWaitMs - now)), () => {
      entry.since = undefined
      ready.add(entry.id)
      pump()
    })
    // Beside the debounce, so that leaving the page finds the token at hand.
    if (!isOffline() && backoff.waitMs() <= 0) {
      asked ??= tokens.get()
      load().catch(() => {})
    }
  }

  const pump = (): Promise<void> => {
    running ??= run()
    return running
  }

  const run = async (): Promise<void> => {
    await undefined
    while (ready.size && mayRun()) {
      const waitMs = backoff.waitMs()
      cancelWake()
      if (waitMs > 0) {
        cancelWake = clock.after(waitMs, pump)
        break
      }
      await attempt()
    }
    // In the same turn as the last look at `ready`: a later call starts anew.
    running = undefined
  }

  const attempt = async (): Promise<void> => {
    const waiting = [...ready]
    if (isOffline()) return follow(waiting, { kind: 'wait', reason: 'offline', quiet: true })
    // A browser remembers a failed import for the life of the page: then the bare fetch sends.
    const loading = load().catch(() => settings.fetch)
    // What was asked beside the debounce, once; a token of it may have expired since.
    const answer = await (asked ?? tokens.get())
    asked = undefined
    const token = typeof answer === 'string' ? answer : await tokens.get()
    if (token === 'no_token') return follow(waiting, { kind: 'wait', reason: token, quiet: true })
    if (token === 'unreachable') return follow(waiting, { kind: 'wait', reason: token })
    const id = [...ready].find((one) => speaksFor(token, one))
    if (id !== undefined) {
      const fetch = await loading
      return lock.run((isLocked) => transmit(id, { token, fetch, isLocked }))
    }
    // Left of a former person: quiet until that person is identified again.
    const isWanted = current !== undefined && ready.has(current)
    ready.clear()
    if (isWanted) follow([current as string], { kind: 'renew' })
  }

  const transmit = async (id: string, how: { token: Token; fetch: Fetch; isLocked: boolean }): Promise<void> => {
    // Expired, discarded or forgotten while we waited: decide anew.
    if (tokens.peek() !== how.token || !ready.has(id) || !mayRun()) return
    ready.delete(id)
    const records = store.read()
    const entry = entries.of(id, records)
    entry.cancelDebounce()
    entry.since = undefined
    // Without the lock another tab may be sending what is stored: only our own goes.
    const joined = how.isLocked ? joinFields(records.outbox.get(id), entry.fields) : entry.fields
    const ledger = ledgerOf(records, id)
    entry.fields = Object.fromEntries(
      Object.entries(joined).filter(([field, [value, calledAt, force]]) => {
        const known = ledger[field]
        if ((known?.[2] ?? 0) > calledAt) return false
        return force || !isAcknowledged(known, hashOf(records, value), clock.now(), dedupeTtlMs)
      }),
    )
    if (Object.keys(entry.fields).length) {
      const sending = sender.send(entry, records, { token: how.token.text, fetch: how.fetch })
      return sending && follow([id], await sending)
    }
    // Another tab has sent the same, or something later.
    records.outbox.delete(id)
    store.save()
    if (entry.batches.length) settleBatches(emit, id, entry.batches, { status: 'duplicate' })
    entries.release(entry)
  }

  const follow = (ids: string[], verdict: Verdict): void => {
    let isRepeated = verdict.kind !== 'done'
    let failure = verdict.kind === 'wait' ? verdict : undefined
    if (verdict.kind === 'renew') {
      tokens.discard()
      if (isRenewed || !tokens.renewable) failure = { kind: 'wait', reason: 'no_token', quiet: true }
    }
    isRenewed = verdict.kind === 'renew' && !failure
    if (failure) isRepeated = backoff.fail(failure)
    else if (verdict.kind === 'done') backoff.succeed()
    for (const id of ids) {
      const entry = entries.find(id)
      if (!entry) continue
      if (isRepeated || (verdict.kind === 'done' && entry.since === undefined && hasUnsent(entry))) ready.add(id)
      else ready.delete(id)
      if (failure && !isRepeated && entry.batches.length)
        settleBatches(emit, id, entry.batches, pending(failure.reason))
      entries.release(entry)
    }
  }

  /** Sends what the token at hand speaks for; synchronous until `fetch` has been called. */
  const sendNow = (): void => {
    const token = tokens.peek()
    if (!token || isOffline() || backoff.waitMs() > 0) return
    for (const entry of entries.all()) {
      const records = store.read()
      if (!speaksFor(token, entry.id) || entry.epoch !== records.epoch || !hasUnsent(entry)) continue
      const { fetch } = settings
      const sending = sender.send(entry, records, { token: token.text, fetch, maxBytes: maxKeepaliveBytes })
      if (!sending) continue
      entry.cancelDebounce()
      entry.since = undefined
      ready.delete(entry.id)
      const flight = sending.then((verdict) => {
        flying.delete(flight)
        if (entries.find(entry.id) === entry) follow([entry.id], verdict)
        pump()
      })
      flying.add(flight)
    }
  }

  const readyAll = (): Promise<void> => {
    for (const entry of entries.all()) if (hasUnsent(entry)) ready.add(entry.id)
    return pump()
  }

  return {
    identify,
    resume: () => {
      const records = store.read()
      for (const [id, fields] of records.outbox) {
        const entry = entries.of(id, records)
        entry.fields = joinFields(fields, entry.fields)
      }
      if (records.outbox.size) readyAll()
    },
    leave: () => {
      lock.release()
      sendNow()
    },
    wake: () => {
      if (!entries.all().length) return
      backoff.cutShort()
      readyAll()
    },
    flush: async (isLast) => {
      for (const entry of entries.all()) entry.cancelDebounce()
      await readyAll()
      await Promise.all(flying)
      await pump()
      if (!isLast) return
      cancelWake()
      for (const { id, batches } of entries.all())
        if (batches.length) settleBatches(emit, id, batches, pending(backoff.reason() ?? 'timeout'))
    },
    forget: (reason) => {
      cancelWake()
      for (const entry of entries.all()) entries.drop(entry, reason)
      current = undefined
      backoff.succeed()
      asked = undefined
      tokens.discard()
      if (reason === 'reset') store.reset()
      if (reason === 'denied') store.erase()
    },
  }
}
