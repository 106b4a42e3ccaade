import { byteLength, maxBodyBytes } from '../core/contact.ts'
import { hash } from '../core/hash.ts'
import { acknowledge } from '../core/ledger.ts'
import { nextDelay } from '../core/retry.ts'
import { type Answer, type Failure, readAnswer, within } from './answer.ts'
import { createAttempt } from './attempt.ts'
import { covers, hasUnsent, joinFields, type Line, toBody } from './line.ts'
import { createLock } from './lock.ts'
import { dropped, pending } from './outcome.ts'
import { isOffline } from './page.ts'
import type { Flight, Shared } from './pipeline.ts'
import { ledgerOf } from './records.ts'
import type { Token } from './tokens.ts'

/** The schedule of attempts and what their answers mean. Its own chunk, with ky: loaded when something is to be sent. */
export interface Engine {
  /** Sends a line when nothing new has come to it for a while. */
  wait(line: Line): void
  /** Takes up what an earlier page left in the outbox. */
  resume(): void
  /** Tries everything that waits. */
  wake(): void
  /** Waits for a request's answer and follows it. */
  land(flight: Flight): Promise<void>
  leave(): void
  flush(): Promise<void>
  /** Ends every timer and schedule. */
  stop(): void
}

export const createEngine = (shared: Shared): Engine => {
  const { settings, store, tokens, lines, waitMs, lineOf, speaksFor, refresh, launch, settle, mayRun, say } = shared
  const { clock, fetch, timeoutMs, debounceMs, maxWaitMs, outboxTtlMs, retries, proxyUrl } = settings
  const lock = createLock(proxyUrl, timeoutMs / 2, clock)
  /** Ids whose turn has come. */
  const ready = new Set<string>()
  const flying = new Set<Promise<void>>()
  let running: Promise<void> | undefined
  let isRenewed = false
  let failures = 0
  let failingSince = 0
  let cancelWake = (): void => {}

  const release = ({ id, fields }: Line): void => {
    if (!Object.keys(fields)[0]) lines.delete(id)
  }

  const endDebounce = (line: Line): void => {
    line.cancelDebounce?.()
    line.since = undefined
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
    if (isOffline(proxyUrl)) return fail({ reason: 'offline', isQuiet: true })
    const token = await within(clock, timeoutMs, tokens.ask(), () => 'unreachable' as const)
    if (typeof token === 'string') {
      tokens.discard()
      return fail({ reason: token, isQuiet: token === 'no_token' })
    }
    for (const id of ready) if (speaksFor(token, id)) return lock.run((isLocked) => transmit(id, token, isLocked))
    // What is left of a former person is quiet until that person is identified again.
    const { person } = shared
    const isWanted = ready.has(person!)
    ready.clear()
    if (isWanted) renew(person!)
  }

  const renew = (id: string): void => {
    ready.add(id)
    tokens.discard()
    if (isRenewed || typeof settings.token === 'string') return fail({ reason: 'no_token', isQuiet: true })
    isRenewed = true
  }

  const transmit = async (id: string, token: Token, isLocked: boolean): Promise<void> => {
    // Expired, discarded or forgotten while we waited: decide anew.
    if (tokens.peek() !== token || !ready.has(id) || !mayRun()) return
    const line = lineOf(id)
    refresh(line, isLocked)
    ready.delete(id)
    endDebounce(line)
    const { fields } = line
    if (Object.keys(fields)[0]) {
      // A page that was left has sent it.
      if (!hasUnsent(line)) return undefined
      // Joined calls may be larger together than each was: then metadata goes first and alone.
      const isTooLarge = fields.metadata && byteLength(toBody(fields)) > maxBodyBytes
      const aborter = new AbortController()
      const send = createAttempt(fetch, timeoutMs, aborter.signal)
      return follow(launch(line, isTooLarge ? { metadata: fields.metadata! } : fields, token, send)!, aborter)
    }
    // Another tab has sent the same, or something later.
    store.read().outbox.delete(id)
    store.save()
    settle(line, { status: 'duplicate' })
    lines.delete(id)
  }

  const follow = async (flight: Flight, aborter?: AbortController): Promise<void> => {
    const answer = readAnswer(flight.response, clock)
    conclude(
      flight,
      await within(clock, timeoutMs, answer, () => {
        aborter?.abort()
        return { verdict: { reason: 'timeout' }, body: {} }
      }),
    )
  }

  const conclude = ({ line, fields, number }: Flight, { verdict, body, foreign }: Answer): void => {
    const { id, carriers } = line
    const isKnown = verdict === 'delivered' || verdict === 'accepted'
    const outcome = isKnown ? { status: verdict } : dropped('rejected')
    const records = store.read()
    if (line.epoch !== records.epoch) return settle(line, isKnown ? outcome : dropped('reset'))
    const path = body.path?.split('.')[0] as string
    const isOver = isKnown || verdict === 'rejected'
    const isOne = isOver && !isKnown && path !== 'external_id' && !!fields[path]
    const stored = records.outbox.get(id) ?? {}
    for (const field in fields) {
      const sent = fields[field]!
      const own = line.fields[field]
      if (carriers[field] === number) carriers[field] = 0
      // Changed meanwhile: the later value waits.
      if (!isOver || (isOne && field !== path) || (own && !covers(sent, own))) continue
      const calledAt = own?.[1] ?? sent[1]
      delete line.fields[field]
      if (!((stored[field]?.[1] ?? 0) > calledAt)) delete stored[field]
      if (isKnown) acknowledge(ledgerOf(records, id), field, hash(records.salt, sent[0]), clock.now(), calledAt)
    }
    if (!Object.keys(stored)[0]) records.outbox.delete(id)
    if (isKnown) records.notBefore = records.retryAfter = failures = shared.quietUntil = 0
    // A profile restored from a backup counts from an old number on.
    records.lastNumber = Math.max(records.lastNumber, body.number || 0)
    store.save()
    if (isOver && !isOne) {
      settle(line, outcome, number)
      // Calls that came meanwhile and changed nothing.
      if (line.calls.size && !hasUnsent(line)) settle(line, outcome, 0)
    } else for (const call of line.calls) if (call.carrier === number) call.carrier = 0
    if (verdict === 'rejected') say(`the proxy refused ${path || 'a contact'}: ${body.code}`)
    if (foreign !== undefined)
      say(`${foreign ? 'no proxy of ours' : 'nobody'} answers at proxyUrl ${proxyUrl}`, !foreign)
    // Forgotten meanwhile.
    if (lines.get(id) !== line) return
    if (verdict === 'renew') return renew(id)
    isRenewed = false
    if (isKnown) shared.lastFailure = 'timeout'
    if (hasUnsent(line) && line.since === undefined) ready.add(id)
    if (typeof verdict === 'object') fail(verdict)
    if (verdict === 'superseded') {
      line.sent = []
      if (line.isSuperseded) fail({ reason: 'server' })
    }
    line.isSuperseded = verdict === 'superseded'
    release(line)
  }

  const fail = ({ reason, isQuiet, retryAfterMs = 0 }: Failure): void => {
    const now = clock.now()
    let delayMs: number | undefined
    isRenewed = false
    shared.lastFailure = reason
    if (reason === 'unreachable' && retries.retryConnectionErrors === false) isQuiet = true
    // Coming online is an event: no time to wait for.
    if (reason !== 'offline') {
      if (!failures) failingSince = clock.monotonic()
      delayMs = nextDelay(retries, failures++, clock.monotonic() - failingSince, Math.random())
      if (isQuiet) shared.quietUntil = clock.monotonic() + (delayMs ?? 0)
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

  const wake = (): Promise<void> => {
    for (const line of lines.values()) if (hasUnsent(line)) ready.add(line.id)
    return pump()
  }

  return {
    wait: (line) => {
      if (lines.get(line.id) !== line || !hasUnsent(line)) return
      const now = clock.monotonic()
      line.since ??= now
      line.cancelDebounce?.()
      line.cancelDebounce = clock.after(Math.max(0, Math.min(debounceMs, line.since + maxWaitMs - now)), () => {
        line.since = undefined
        ready.add(line.id)
        pump()
      })
    },
    resume: () => {
      const records = store.read()
      for (const [id, fields] of records.outbox) {
        for (const field in fields) if (clock.now() - fields[field]![1] >= outboxTtlMs) delete fields[field]
        const line = lineOf(id)
        line.fields = joinFields(fields, line.fields)
        if (!Object.keys(fields)[0]) records.outbox.delete(id)
        release(line)
      }
      store.save()
      wake()
    },
    wake,
    land: (flight) => {
      endDebounce(flight.line)
      ready.delete(flight.line.id)
      const landing = follow(flight).then(() => {
        flying.delete(landing)
        pump()
      })
      flying.add(landing)
      return landing
    },
    leave: lock.release,
    flush: async () => {
      for (const line of lines.values()) endDebounce(line)
      await wake()
      await Promise.all(flying)
      await pump()
      if (typeof document !== 'undefined') return
      cancelWake()
      for (const line of lines.values()) settle(line, pending(shared.lastFailure))
    },
    stop: () => {
      cancelWake()
      for (const line of lines.values()) endDebounce(line)
      ready.clear()
      failures = 0
    },
  }
}
