import { hash } from '../core/hash.ts'
import { isAcknowledged } from '../core/ledger.ts'
import { within } from '../core/within.ts'
import { createRecorder } from './acknowledge.ts'
import { type BareAnswer, readBareAnswer } from './bare-answer.ts'
import { toBareUpdate } from './bare-update.ts'
import type { Engine, EngineContext } from './engine-context.ts'
import { type OpenCall, openCallUntil } from './open-call.ts'
import { isOffline } from './page.ts'
import type { Pipeline, PipelineParts } from './pipeline-types.ts'
import { createPost, type InFlight, outlivesPage } from './post.ts'
import type { Settings } from './settings.ts'
import { createStateStore, ledgerOf, nextNumber, pauseLeftMs } from './state.ts'
import { createTokens, type Token } from './tokens.ts'
import { covers, joinFields, toBody, toFields, type WaitingFields } from './waiting-fields.ts'

/** A chunk that has not come by then counts as one that cannot be loaded. */
const longestLoadMs = 1e4

export const createPipeline = (settings: Settings, { mayRun, emit, warnOnce, load }: PipelineParts): Pipeline => {
  const { clock, dedupeTtlMs, settleMs, debounceMs, timeoutMs, proxyUrl } = settings
  const store = createStateStore(settings)
  const tokens = createTokens(settings)
  const post = createPost(settings, store)
  const record = createRecorder(settings, store)
  /** Calls that no engine has taken. */
  const calls = new Map<string, OpenCall>()
  /** What was sent without an engine. */
  const onWire = new Map<string, InFlight>()
  let person: string | undefined
  let engine: Engine | undefined
  let loading: Promise<void> | undefined
  /** The chunk cannot be loaded: updates go without it. */
  let isBare = false
  let isOver = false
  let failures = 0
  let cancelNext: (() => void) | undefined

  const waitMs = (): number => pauseLeftMs(store.read(), clock.now())
  const tokenMatches = (token: Token, id: string): boolean => (token.subject ?? person) === id

  const open = (id: string): OpenCall =>
    openCallUntil(clock, settleMs, () =>
      emit(id, 'pending', engine?.lastFailure() ?? (isBare ? 'unreachable' : 'timeout')),
    )

  /** Sends what waits and the token at hand speaks for, without the engine. */
  const sendKept = (): void => {
    const token = tokens.held
    if (!token || !mayRun() || waitMs() > 0) return
    for (const [id, waiting] of store.read().outbox) {
      // What another page has left waits for the engine, which knows what other tabs do.
      const isOurs = isBare || (calls.has(id) && outlivesPage(toBody(waiting)))
      if (onWire.has(id) || !isOurs || !tokenMatches(token, id)) continue
      const update = toBareUpdate(store.read(), id, waiting) as InFlight
      store.save()
      if (!update.updateNumber) continue
      onWire.set(id, update)
      emit(id, 'sent')
      // A listener may have called `reset`, `close` or `consent`.
      if (!mayRun() || update.session !== store.read().session) return
      update.response = post(update, token)
      if (isBare) follow(update)
    }
  }

  const next = (isNow?: boolean): void => {
    if (isNow) {
      cancelNext?.()
      cancelNext = undefined
    }
    if (isBare && mayRun() && store.read().outbox.size)
      cancelNext ??= clock.after(Math.max(debounceMs, waitMs() + 1), () => {
        cancelNext = undefined
        tokens.ask(person).then((token) => {
          if (token === undefined) warnOnce('token: failed')
          if (!token) tokens.discard()
          sendKept()
        })
      })
  }

  /** Follows an update that was sent without the engine: acknowledges by our own 2xx alone, and backs off from all else. */
  const follow = async (update: InFlight): Promise<void> => {
    const { id, session, fields, response } = update
    const answer = await within(clock, timeoutMs, readBareAnswer(response, clock), (): BareAnswer => ({}))
    const { known, isUnauthorized, retryAfterMs = 0 } = answer
    if (isUnauthorized) tokens.discard()
    const state = store.read()
    // A later one, or a reset.
    if (onWire.get(id) !== update || session !== state.session) return
    onWire.delete(id)
    if (known) {
      failures = 0
      state.pause = [0, 0, 0]
      record(id, fields)
      if (!state.outbox.get(id)) calls.get(id)?.end(emit(id, known))
    } else {
      const now = clock.now()
      // The defaults of `retries`, whose own values only the chunk reads.
      state.pause = [now, now + Math.round(Math.min(500 * 1.5 ** failures++, 6e4)), now + retryAfterMs]
      store.save()
    }
    next()
  }

  /** A failed import is remembered by browsers for the life of the page. */
  const loadEngine = (): Promise<void> => {
    loading ??= within(
      clock,
      longestLoadMs,
      load(proxyUrl).catch(() => undefined),
      () => undefined,
    )
      .then((chunk) => {
        if (isOver) return
        engine = chunk!.createEngine(context)
        engine.adopt(calls, onWire)
        calls.clear()
      })
      .catch(() => {
        if (isOver) return
        warnOnce(`no transport.js of this build beside the script or at ${proxyUrl}: is that the proxy?`, 'warn')
        engine = undefined
        isBare = true
        for (const update of onWire.values()) follow(update)
        next()
      })
    return loading
  }

  const context: EngineContext = {
    settings,
    store,
    tokens,
    post,
    emit,
    warnOnce,
    mayRun,
    person: () => person,
    tokenMatches,
    open,
  }

  const leave = (): void => {
    if (!mayRun()) return
    if (engine) engine.leave()
    else sendKept()
  }

  const keep = (id: string, fields: WaitingFields): OpenCall => {
    const { outbox, session } = store.read()
    // The same again, as it waits or is on the wire: nothing new to be sent.
    for (const [field, former] of Object.entries(outbox.get(id) ?? {}))
      if (fields[field] && covers(former, fields[field])) fields[field] = former
    outbox.set(id, joinFields(outbox.get(id), fields))
    store.keep()
    next()
    const former = calls.get(id)
    const call = former?.isOpen ? former : Object.assign(open(id), { session })
    if (call === former) emit(id, 'joined')
    calls.set(id, call)
    // Another tab may write over what is stored.
    call.fields = joinFields(call.fields, fields)
    return call
  }

  const identify: Pipeline['identify'] = (contact, force) => {
    const id = contact.external_id
    if (id !== person) {
      leave()
      person = id
      if (tokens.held?.subject !== id) tokens.discard()
    }
    const now = clock.now()
    const state = store.read()
    const ledger = ledgerOf(state, id)
    const stored = state.outbox.get(id)
    const waiting = joinFields(stored, engine?.waiting(id) ?? {})
    // Also later than what another browser profile's clock has left here.
    for (const [, at] of Object.values(waiting)) state.last = Math.max(state.last, at)
    const calledAt = nextNumber(state, now)
    const fields = toFields(contact, calledAt)
    const refused: string[] = []
    let until = now + dedupeTtlMs
    let isNews = force
    for (const [field, value] of Object.entries(fields)) {
      const entry = ledger[field]
      const digest = hash(state.salt, value[0])
      const isKnown = isAcknowledged(entry, digest, now, dedupeTtlMs)
      if (!isKnown || (waiting[field] && waiting[field][0] !== value[0])) isNews = true
      else until = Math.min(until, entry![1] + dedupeTtlMs)
      if (entry?.[3]) refused.push(field)
      // Known but expired: somebody else may have changed it, and the proxy's own ledger must not call it unchanged.
      if (!isKnown && entry?.[0] === digest) force = true
    }
    // The person is here again: what waits for them may go.
    const isBack = state.held.delete(id)
    if (!isNews) {
      if (isBack) loadEngine().then(() => engine?.takeUp(id))
      const outcome = emit(id, 'duplicate', undefined, { refused: refused.length ? refused : undefined })
      return { outcome, since: now, until, revision: store.revision() }
    }
    state.last = calledAt
    if (force) for (const value of Object.values(fields)) value[2] = 1
    const call = engine ? engine.take(id, fields) : keep(id, fields)
    // Beside the chunk and the debounce, so that leaving the page finds the token at hand.
    if (waitMs() <= 0) tokens.ask(person)
    loadEngine()
    return { outcome: call.outcome, since: now, until: now + settleMs, revision: store.revision(), call }
  }

  return {
    identify,
    holds: ({ since, until, revision, call }) =>
      clock.now() >= since &&
      clock.now() < until &&
      store.revision() === revision &&
      (call?.isOpen !== false || isOffline(proxyUrl)),
    leave,
    resume: () => {
      const { outbox, held } = store.read()
      if (outbox.size > held.size) loadEngine().then(() => engine?.sendAll())
    },
    wake: () => {
      if (!mayRun()) return
      engine?.sendAll(true)
      if (isBare) store.read().pause[1] = 0
      next(isBare)
    },
    flush: async () => {
      await loading
      await engine?.flush()
      if (isBare) sendKept()
    },
    forget: (reason) => {
      cancelNext?.()
      isOver = reason === 'closed'
      const open = [...calls]
      calls.clear()
      onWire.clear()
      person = undefined
      tokens.discard()
      if (reason !== 'closed') store.renew(reason === 'denied')
      // Last: what a listener calls belongs to what comes after.
      engine?.forget(reason)
      for (const [id, call] of open) call.end(emit(id, 'dropped', reason))
    },
  }
}
