import { type Answer, type Failure, readAnswer, within } from './answer.ts'
import { createAttempts } from './attempt.ts'
import type { Shared } from './intake.ts'
import { hasUnsent, isEmpty, type Line } from './line.ts'
import type { Flight, Lines } from './lines.ts'
import { createLock } from './lock.ts'
import { dropped, pending } from './outcome.ts'
import { createPace } from './pace.ts'
import { isOffline } from './page.ts'
import type { WaitingFields } from './records.ts'
import { isExpired, type Token } from './tokens.ts'
import { createUpshot } from './upshot.ts'

/** When each line is sent, and what becomes of it. */
export interface Courier {
  /** Sends a line when nothing new has come to it for a while. */
  wait(line: Line): void
  /** How long nothing may be tried yet. */
  waitMs(): number
  /** Tries all that is on no wire. */
  sendAll(): Promise<void>
  /** Waits for a request's answer and follows it. */
  land(flight: Flight): void
  flush(): Promise<void>
  /** Ends every timer and schedule. */
  halt(): void
  /** The token at hand, unless it has expired: then it is discarded. */
  goodToken(): Token | undefined
}

export const createCourier = (shared: Shared, lines: Lines): Courier => {
  const { store, tokens, speaksFor, mayRun, say } = shared
  const { clock, fetch, timeoutMs = 1e4, debounceMs = 250, maxWaitMs = 2e3, proxyUrl } = shared
  const { all, lineOf, refresh, launch, settle, release, save } = lines
  const { waitMs, slowDown, reset } = createPace(shared, lines)
  const noteUpshot = createUpshot(shared, lines)
  const attemptWith = createAttempts(proxyUrl, fetch, timeoutMs)
  const underLock = createLock(proxyUrl, timeoutMs / 2, clock)
  /** Ids whose turn has come. */
  const ready = new Set<string>()
  const flying = new Set<Promise<void>>()
  let running: Promise<void> | undefined
  let isRenewed = false
  let cancelWake = (): void => {}
  /** Outside a document a flush is the last that is done, until the next call: no timer may keep the program from its end. */
  let isFlushed = false

  const endDebounce = (line: Line): void => {
    line.cancelDebounce?.()
    line.since = undefined
  }

  const goodToken = (): Token | undefined => {
    const token = tokens.held
    // A string cannot be renewed, so it lives on.
    if (token && typeof shared.token !== 'string' && isExpired(token, clock.monotonic())) tokens.discard()
    return tokens.held
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
        if (!isFlushed) cancelWake = clock.after(left, pump)
        break
      }
      await attempt()
    }
    // In the same turn as the last look at `ready`: a later call starts anew.
    running = undefined
  }

  const attempt = async (): Promise<void> => {
    if (isOffline(proxyUrl)) return fail({ reason: 'offline', isQuiet: true })
    goodToken()
    const token = await within(clock, timeoutMs, tokens.ask(), () => undefined)
    if (!token) {
      tokens.discard()
      return fail(token === null ? { reason: 'no_token', isQuiet: true } : { reason: 'unreachable' })
    }
    for (const id of ready) if (speaksFor(token, id)) return underLock((isLocked) => transmit(id, token, isLocked))
    // What is left of a former person is quiet until that person is identified again.
    const { person } = shared
    const isWanted = ready.has(person!)
    ready.clear()
    if (isWanted) renew(person!)
  }

  const renew = (id: string): void => {
    ready.add(id)
    tokens.discard()
    if (isRenewed || typeof shared.token === 'string') return fail({ reason: 'no_token', isQuiet: true })
    isRenewed = true
  }

  const transmit = async (id: string, token: Token, isLocked: boolean): Promise<void> => {
    // Expired, discarded or forgotten while we waited: decide anew.
    if (goodToken() !== token || !ready.has(id) || !mayRun()) return
    const line = lineOf(id)
    refresh(line, isLocked)
    ready.delete(id)
    endDebounce(line)
    if (isEmpty(line.fields)) {
      // Another tab has sent the same, or something later.
      save(store.recall())
      settle(line, { status: 'duplicate' })
      all.delete(id)
    } else if (hasUnsent(line)) {
      const aborter = new AbortController()
      await follow(launch(line, token, attemptWith(aborter.signal))!, aborter)
    }
  }

  const follow = async (flight: Flight, aborter?: AbortController): Promise<void> => {
    const answer = readAnswer(flight.reply, clock)
    conclude(
      flight,
      await within(clock, timeoutMs, answer, () => {
        aborter?.abort()
        return { verdict: { reason: 'timeout' }, body: {} }
      }),
    )
  }

  const conclude = ({ line, fields, serial }: Flight, { verdict, body, foreign }: Answer): void => {
    const { id, carriers } = line
    const isKnown = verdict === 'delivered' || verdict === 'accepted'
    const outcome = isKnown ? { status: verdict } : dropped('rejected')
    const records = store.recall()
    if (line.epoch !== records.epoch) return settle(line, isKnown ? outcome : dropped('reset'))
    const path = body.path?.split('.')[0] as string
    const isOver = isKnown || verdict === 'rejected'
    const isOne = isOver && !isKnown && path !== 'external_id' && !!fields[path]
    const over: WaitingFields = {}
    for (const field of Object.keys(fields)) {
      // Changed or sent again meanwhile: that value waits, or its own answer counts.
      if (carriers[field] !== serial) continue
      carriers[field] = 0
      if (!isOver || (isOne && field !== path)) continue
      const [json, calledAt] = fields[field]!
      over[field] = [json, line.fields[field]?.[1] ?? calledAt, 0]
      delete line.fields[field]
    }
    if (isKnown) {
      records.pause = [0, 0, 0]
      reset()
    }
    // A profile restored from a backup counts from an old number on.
    records.last = Math.max(records.last, body.number || 0)
    noteUpshot(line, over, isKnown)
    if (isOver && !isOne) {
      settle(line, outcome, serial)
      // Calls that came meanwhile and changed nothing.
      if (line.calls.size && !hasUnsent(line)) settle(line, outcome, 0)
    } else for (const call of line.calls) if (call.carrier === serial) call.carrier = 0
    if (verdict === 'rejected') say(`the proxy refused ${path || 'a contact'}: ${body.code}`)
    if (foreign !== undefined)
      say(`${foreign ? 'no proxy of ours' : 'nobody'} answers at proxyUrl ${proxyUrl}`, foreign ? 'error' : 'warn')
    // Forgotten meanwhile.
    if (all.get(id) !== line) return
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

  const fail = (failure: Failure): void => {
    isRenewed = false
    shared.lastFailure = failure.reason
    if (slowDown(failure)) return
    for (const line of all.values()) if (ready.has(line.id)) settle(line, pending(failure.reason), 0)
    ready.clear()
  }

  const sendAll = (): Promise<void> => {
    for (const line of all.values()) if (hasUnsent(line) && line.since === undefined) ready.add(line.id)
    return pump()
  }

  return {
    waitMs,
    sendAll,
    wait: (line) => {
      // What another call is carried by needs no request of its own.
      if (!hasUnsent(line)) return
      isFlushed = false
      const now = clock.monotonic()
      line.since ??= now
      line.cancelDebounce?.()
      line.cancelDebounce = clock.after(Math.max(0, Math.min(debounceMs, line.since + maxWaitMs - now)), () => {
        line.since = undefined
        ready.add(line.id)
        pump()
      })
      // Beside the debounce, so that leaving the page finds the token at hand.
      if (isOffline(proxyUrl) || waitMs() > 0) return
      goodToken()
      tokens.ask()
    },
    land: (flight) => {
      endDebounce(flight.line)
      ready.delete(flight.line.id)
      const landing = follow(flight).then(() => {
        flying.delete(landing)
        pump()
      })
      flying.add(landing)
    },
    flush: async () => {
      for (const line of all.values()) endDebounce(line)
      await sendAll()
      await Promise.all(flying)
      await pump()
      if (typeof document !== 'undefined') return
      isFlushed = true
      cancelWake()
      for (const line of all.values()) settle(line, pending(shared.lastFailure))
    },
    halt: () => {
      cancelWake()
      ready.clear()
      reset()
    },
    goodToken,
  }
}
