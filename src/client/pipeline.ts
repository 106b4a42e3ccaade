import { byteLength, type Contact, maxBodyBytes } from '../core/contact.ts'
import { hash } from '../core/hash.ts'
import { acknowledge, isAcknowledged, markSent } from '../core/ledger.ts'
import type { Fetch } from '../core/ports.ts'
import { nextDelay } from '../core/retry.ts'
import { contactsPath, updateIdHeader } from '../core/wire.ts'
import { type Failure, post } from './answer.ts'
import { covers, hasUnsent, joinFields, type Line, toBody } from './line.ts'
import type { Lock } from './lock.ts'
import type { Settings } from './options.ts'
import { type DroppedReason, dropped, type Outcome, type PendingReason, pending } from './outcome.ts'
import { ledgerOf, type Records, type RecordsStore, type Waiting, type WaitingFields } from './records.ts'
import type { Token, Tokens } from './tokens.ts'

export interface PipelineParts {
  store: RecordsStore
  tokens: Tokens
  lock: Lock
  /** ky's chunk; rejects when it cannot be loaded. */
  load(): Promise<Fetch>
  isOffline(): boolean
  /** False while consent is not given or after `close`. */
  mayRun(): boolean
  emit(id: string, kind: string, reason?: string): void
  say(text: string, isWarning?: boolean): void
}

/** The way of a contact from its call to its acknowledgement, and when each step happens. */
export interface Pipeline {
  /** @returns the outcome, or until when a duplicate stays one, in milliseconds since the epoch */
  identify(contact: Contact, force: boolean): Promise<Outcome> | number
  /** Takes up what an earlier page left in the outbox. */
  resume(): void
  /** Sends at once what needs no waiting: the page may be gone in a moment. */
  leave(): void
  /** Ends a back-off that no server ordered. */
  wake(): void
  /** Resolves when nothing can be sent now. Without a document no retry follows by itself. */
  flush(): Promise<void>
  /** Forgets what waits; its calls end as `dropped` with this reason. */
  forget(reason: DroppedReason): void
}

// Browsers share 64 KiB among all keepalive bodies of a page: ours leave most of it to others.
const maxKeepaliveBytes = 16_384

export const createPipeline = (
  { clock, dedupeTtlMs, settleMs, debounceMs, maxWaitMs, outboxTtlMs, timeoutMs, retries, proxyUrl, fetch }: Settings,
  { store, tokens, lock, load, isOffline, mayRun, emit, say }: PipelineParts,
): Pipeline => {
  const lines = new Map<string, Line>()
  /** Ids whose turn has come. */
  const ready = new Set<string>()
  const flying = new Set<Promise<void>>()
  /** The person of the last call on this page: whom an opaque token speaks for. */
  let current: string | undefined
  let running: Promise<void> | undefined
  let isRenewed = false
  let lastFailure: PendingReason = 'timeout'
  let failures = 0
  let failingSince = 0
  /** Like the outbox's not-before, but of this page alone, and by the monotonic clock. */
  let quietUntil = 0
  let cancelWake = (): void => {}

  /** Ends the calls that this request carries; with 0 those that none does, without a number all. */
  const settle = ({ id, calls }: Line, outcome: Outcome, carrier?: number): void => {
    emit(id, outcome.status, outcome.reason)
    for (const call of [...calls])
      if (carrier === undefined || call[1] === carrier) calls.splice(calls.indexOf(call), 1)[0]![0](outcome)
  }

  const drop = (line: Line, reason: DroppedReason): void => {
    line.cancelDebounce()
    lines.delete(line.id)
    ready.delete(line.id)
    // Only a close gives up on what is on the wire: otherwise its real outcome is about to come.
    settle(line, dropped(reason), reason === 'closed' ? undefined : 0)
  }

  const lineOf = (id: string, { epoch }: Records): Line => {
    let line = lines.get(id)
    // Another tab has reset: what waited here belonged to the session before.
    if (line && line.epoch !== epoch) line = drop(line, 'reset') as undefined
    line ??= { id, fields: {}, carriers: {}, calls: [], epoch, sent: [], since: 0, cancelDebounce: () => {} }
    lines.set(id, line)
    return line
  }

  const release = ({ id, fields }: Line): void => {
    for (const _ in fields) return
    lines.delete(id)
  }

  const identify: Pipeline['identify'] = (contact, force) => {
    const id = contact.external_id
    if (id !== current) {
      sendNow()
      current = id
      if (tokens.peek()?.subject !== id) tokens.discard()
    }
    const records = store.read()
    const line = lineOf(id, records)
    const ledger = ledgerOf(records, id)
    const waiting = joinFields(records.outbox.get(id), line.fields)
    const now = clock.now()
    const fields: { [field: string]: string } = {}
    let calledAt = now
    let until = 1 / 0
    for (const field in contact) {
      const json = JSON.stringify(contact[field as keyof Contact])
      const known = ledger[field]
      const other = waiting[field]
      const digest = hash(records.salt, json)
      const isKnown = isAcknowledged(known, digest, now, dedupeTtlMs)
      fields[field] = json
      // A call is later than all that it can see, whatever the device's clock does.
      calledAt = Math.max(calledAt, (known?.[2] ?? 0) + 1, (other?.[1] ?? 0) + 1)
      until = isKnown && (other?.[0] ?? json) === json ? Math.min(until, known![1] + dedupeTtlMs) : 0
      if (!until) until = -1 / 0
      // Known but expired: somebody else may have changed it, and the proxy's own ledger must not call it unchanged.
      if (!isKnown && known?.[0] === digest) force = true
    }
    if (until > 0 && !force) {
      emit(id, 'duplicate')
      release(line)
      return until
    }
    let isChanged = false
    for (const field in fields) {
      const own = line.fields[field]
      const next: Waiting = [fields[field]!, calledAt, force || own?.[2] ? 1 : 0]
      // What another tab called in between is not undone by what we have on the wire.
      const isLatest = waiting[field] === own && own && (ledger[field]?.[2] ?? 0) <= own[1]
      if (!isLatest || !covers(own, next)) {
        isChanged = true
        line.carriers[field] = 0
      }
      line.fields[field] = next
    }
    records.outbox.set(id, joinFields(records.outbox.get(id), line.fields))
    if (isChanged) quietUntil = records.notBefore = 0
    store.save()
    if (line.calls.some((call) => !call[1])) emit(id, 'joined')
    if (hasUnsent(line)) debounce(line)
    return new Promise((resolve) => {
      const call: Line['calls'][0] = [
        (outcome) => {
          cancel()
          resolve(outcome)
        },
        0,
      ]
      const cancel = clock.after(settleMs, () => {
        line.calls.splice(line.calls.indexOf(call), 1)
        emit(id, 'pending', lastFailure)
        resolve(pending(lastFailure))
      })
      line.calls.push(call)
    })
  }

  const debounce = (line: Line): void => {
    const now = clock.monotonic()
    line.since ||= now
    line.cancelDebounce()
    line.cancelDebounce = clock.after(Math.max(0, Math.min(debounceMs, line.since + maxWaitMs - now)), () => {
      line.since = 0
      ready.add(line.id)
      pump()
    })
    // Beside the debounce, so that leaving the page finds the token at hand.
    if (!isOffline() && waitMs() <= 0) {
      tokens.get()
      load().catch(() => {})
    }
  }

  const waitMs = (): number => {
    const { notBefore, retryAfter, failedAt } = store.read()
    const now = clock.now()
    const left = now < failedAt ? 0 : Math.max(notBefore, retryAfter) - now
    return Math.max(left, quietUntil - clock.monotonic())
  }

  const pump = (): Promise<void> => {
    running ??= run()
    return running
  }

  const run = async (): Promise<void> => {
    await 0
    while (ready.size && mayRun()) {
      cancelWake()
      const left = waitMs()
      if (left > 0) {
        cancelWake = clock.after(left, pump)
        break
      }
      await attempt()
    }
    // In the same turn as the last look at `ready`: a later call starts anew.
    running = undefined
  }

  const attempt = async (): Promise<void> => {
    if (isOffline()) return fail({ reason: 'offline', isQuiet: true })
    // A browser remembers a failed import for the life of the page: then the bare fetch sends.
    const loading = load().catch(() => fetch)
    const token = await tokens.get()
    if (typeof token === 'string') {
      tokens.discard()
      return fail({ reason: token, isQuiet: token === 'no_token' })
    }
    for (const id of ready)
      if (speaksFor(token, id)) {
        const send = await loading
        return lock.run((isLocked) => transmit(id, token, send, isLocked))
      }
    // What is left of a former person is quiet until that person is identified again.
    const isWanted = ready.has(current!)
    ready.clear()
    if (isWanted) renew(current!)
  }

  const speaksFor = (token: Token, id: string): boolean => (token.subject ?? current) === id

  const renew = (id: string): void => {
    ready.add(id)
    tokens.discard()
    if (isRenewed || !tokens.isRenewable) return fail({ reason: 'no_token', isQuiet: true })
    isRenewed = true
  }

  const transmit = async (id: string, token: Token, send: Fetch, isLocked: boolean): Promise<void> => {
    // Expired, discarded or forgotten while we waited: decide anew.
    if (tokens.peek() !== token || !ready.has(id) || !mayRun()) return
    const records = store.read()
    const line = lineOf(id, records)
    refresh(line, records, isLocked)
    for (const _ in line.fields) return dispatch(line, records, token, send)
    // Another tab has sent the same, or something later.
    ready.delete(id)
    store.save()
    settle(line, { status: 'duplicate' })
    lines.delete(id)
  }

  /**
   * Joins what is stored in, and leaves out what another tab has sent or called later. Without the lock another tab may
   * be sending what is stored: then only our own stays.
   */
  const refresh = (line: Line, records: Records, isLocked: boolean): void => {
    const own = line.fields
    const stored = records.outbox.get(line.id) ?? {}
    const joined = joinFields(stored, own)
    const ledger = ledgerOf(records, line.id)
    line.fields = {}
    for (const field in joined) {
      const waiting = joined[field]!
      const known = ledger[field]
      const isKnown = isAcknowledged(known, hash(records.salt, waiting[0]), clock.now(), dedupeTtlMs)
      // Known again, A after B after A: what another tab still holds of B is older than this call.
      if (isKnown && !waiting[2]) known![2] = Math.max(known![2], waiting[1])
      if ((known?.[2] ?? 0) > waiting[1] || (isKnown && !waiting[2])) delete stored[field]
      else if (isLocked || own[field] === waiting) line.fields[field] = waiting
    }
    if (!Object.keys(stored).length) records.outbox.delete(line.id)
  }

  /** Numbers a body, takes its fields out of the ledger, posts it, and follows the answer. */
  const dispatch = async (
    line: Line,
    records: Records,
    token: Token,
    send: Fetch,
    isLeaving?: boolean,
  ): Promise<void> => {
    const { id } = line
    let fields: WaitingFields = { external_id: [JSON.stringify(id), 0, 0], ...line.fields }
    // Joined calls may be larger together than each was: then metadata goes first and alone.
    const isWhole = !fields.metadata || byteLength(toBody(fields)) <= maxBodyBytes
    if (!isWhole) fields = { external_id: fields.external_id!, metadata: fields.metadata! }
    const body = toBody(fields)
    const keepalive = byteLength(body) <= maxKeepaliveBytes
    if (isLeaving && !keepalive) return
    const number = line.sent[0] === body ? line.sent[1]! : Math.max(records.last + 1, clock.now())
    const ledger = ledgerOf(records, id)
    let force = ''
    line.sent = [body, number]
    records.last = Math.max(records.last, number)
    for (const field in fields) {
      markSent(ledger, field, fields[field]![1])
      if (fields[field]![2]) force = '.force'
      line.carriers[field] = number
    }
    if (isWhole) for (const call of line.calls) call[1] = number
    records.outbox.set(id, joinFields(records.outbox.get(id), line.fields))
    store.save()
    line.cancelDebounce()
    line.since = 0
    ready.delete(id)
    emit(id, 'sent')
    const {
      verdict,
      body: answer,
      foreign,
    } = await post(
      send,
      proxyUrl + contactsPath,
      {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token.text}`,
          'content-type': 'application/json',
          [updateIdHeader]: `${hash(records.id, id)}.${number}${force}`,
        },
        body,
        keepalive,
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error',
      },
      clock,
      timeoutMs,
    )
    const isKnown = verdict === 'delivered' || verdict === 'accepted'
    const now = store.read()
    const outcome = isKnown ? { status: verdict } : dropped('rejected')
    if (line.epoch !== now.epoch) return settle(line, isKnown ? outcome : dropped('reset'))
    const path = answer.path?.split('.')[0] as string
    const isOne = verdict === 'rejected' && path !== 'external_id' && !!fields[path]
    const isOver = isKnown || verdict === 'rejected'
    const stored = now.outbox.get(id) ?? {}
    for (const field in fields) {
      // Changed or sent again meanwhile: that value waits, or its own answer counts.
      if (line.carriers[field] !== number) continue
      line.carriers[field] = 0
      if (!isOver || (isOne && field !== path)) continue
      const sent = fields[field]!
      const own = line.fields[field]
      const calledAt = own?.[1] ?? sent[1]
      delete line.fields[field]
      if (!((stored[field]?.[1] ?? 0) > calledAt)) delete stored[field]
      if (isKnown) acknowledge(ledgerOf(now, id), field, hash(now.salt, sent[0]), clock.now(), calledAt)
    }
    if (!Object.keys(stored)[0]) now.outbox.delete(id)
    if (isKnown) now.notBefore = now.retryAfter = failures = quietUntil = 0
    // A profile restored from a backup counts from an old number on.
    now.last = Math.max(now.last, answer.number || 0)
    store.save()
    if (isOver && !isOne) {
      settle(line, outcome, number)
      // Calls that came meanwhile and changed nothing.
      if (line.calls.length && !hasUnsent(line)) settle(line, outcome, 0)
    } else for (const call of line.calls) if (call[1] === number) call[1] = 0
    if (verdict === 'rejected') say(`the proxy refused ${path || 'a contact'}: ${answer.code}`)
    if (foreign !== undefined)
      say(`${foreign ? 'no proxy of ours' : 'nobody'} answers at proxyUrl ${proxyUrl}`, !foreign)
    // Forgotten meanwhile.
    if (lines.get(id) !== line) return
    if (verdict === 'renew') return renew(id)
    isRenewed = false
    if (isKnown) lastFailure = 'timeout'
    if (hasUnsent(line) && !line.since) ready.add(id)
    if (typeof verdict === 'object') fail(verdict)
    if (verdict === 'superseded') {
      line.sent = []
      if (line.isSuperseded) fail({ reason: 'server' })
      line.isSuperseded = true
    } else line.isSuperseded = false
    release(line)
  }

  const fail = ({ reason, isQuiet, retryAfterMs = 0 }: Failure): void => {
    const now = clock.now()
    let delayMs: number | undefined
    isRenewed = false
    lastFailure = reason
    if (reason === 'unreachable' && retries.retryConnectionErrors === false) isQuiet = true
    // Coming online is an event: no time to wait for.
    if (reason !== 'offline') {
      if (!failures) failingSince = clock.monotonic()
      delayMs = nextDelay(retries, failures++, clock.monotonic() - failingSince, Math.random())
      if (isQuiet) quietUntil = clock.monotonic() + (delayMs ?? 0)
      else {
        Object.assign(store.read(), { notBefore: now + (delayMs ?? 0), retryAfter: now + retryAfterMs, failedAt: now })
        store.save()
      }
    }
    if (!isQuiet && delayMs !== undefined) return
    for (const id of ready) {
      const line = lines.get(id)
      if (line) settle(line, pending(reason), 0)
    }
    ready.clear()
  }

  /** Sends what the token at hand speaks for; synchronous until `fetch` has been called. */
  const sendNow = (): void => {
    const token = tokens.peek()
    if (!token || isOffline() || waitMs() > 0) return
    for (const line of lines.values()) {
      const records = store.read()
      if (!speaksFor(token, line.id) || line.epoch !== records.epoch || !hasUnsent(line)) continue
      refresh(line, records, false)
      store.save()
      if (!hasUnsent(line)) continue
      const flight = dispatch(line, records, token, fetch, true).then(() => {
        flying.delete(flight)
        pump()
      })
      flying.add(flight)
    }
  }

  const readyAll = (): Promise<void> => {
    for (const line of lines.values()) if (hasUnsent(line)) ready.add(line.id)
    return pump()
  }

  return {
    identify,
    resume: () => {
      const records = store.read()
      for (const [id, fields] of records.outbox) {
        for (const field in fields) if (clock.now() - fields[field]![1] >= outboxTtlMs) delete fields[field]
        const line = lineOf(id, records)
        line.fields = joinFields(fields, line.fields)
        release(line)
        if (lines.has(id)) continue
        records.outbox.delete(id)
        store.save()
      }
      readyAll()
    },
    leave: () => {
      lock.release()
      sendNow()
    },
    wake: () => {
      if (!lines.size) return
      quietUntil = store.read().notBefore = 0
      readyAll()
    },
    flush: async () => {
      for (const line of lines.values()) line.cancelDebounce()
      await readyAll()
      await Promise.all(flying)
      await pump()
      if (typeof document !== 'undefined') return
      cancelWake()
      for (const line of lines.values()) settle(line, pending(lastFailure))
    },
    forget: (reason) => {
      cancelWake()
      for (const line of lines.values()) drop(line, reason)
      current = undefined
      failures = quietUntil = 0
      tokens.discard()
      if (reason === 'reset') store.reset()
      if (reason === 'denied') store.erase()
    },
  }
}
