import { hash } from '../core/hash.ts'
import { isAcknowledged } from '../core/ledger.ts'
import { within } from '../core/within.ts'
import { createBackoff } from './backoff.ts'
import { createBareSender } from './bare-sender.ts'
import type { Engine, EngineContext } from './engine-context.ts'
import { type OpenCall, openCallUntil } from './open-call.ts'
import { isOffline } from './page.ts'
import type { Pipeline, PipelineParts } from './pipeline-types.ts'
import { createPost } from './post.ts'
import type { Settings } from './settings.ts'
import { createStateStore, ledgerOf, nextNumber } from './state.ts'
import { createTokens, type Token } from './tokens.ts'
import { covers, joinFields, toFields, type WaitingFields } from './waiting-fields.ts'

/** A chunk that has not come by then counts as one that cannot be loaded. */
const longestLoadMs = 1e4

export const createPipeline = (settings: Settings, { mayRun, emit, warnOnce, load }: PipelineParts): Pipeline => {
  const { clock, dedupeTtlMs, settleMs, proxyUrl } = settings
  const store = createStateStore(settings)
  const backoff = createBackoff(settings, store)
  const tokens = createTokens(settings)
  const post = createPost(settings, store)
  /** Calls that no engine has taken. */
  const calls = new Map<string, OpenCall>()
  let person: string | undefined
  let engine: Engine | undefined
  let loading: Promise<void> | undefined
  let isOver = false

  const tokenMatches = (token: Token, id: string): boolean => (token.subject ?? person) === id

  const open = (id: string): OpenCall =>
    openCallUntil(clock, settleMs, () =>
      emit(id, 'pending', engine?.lastFailure() ?? (bare.isBare() ? 'unreachable' : 'timeout')),
    )

  const context: EngineContext = {
    settings,
    store,
    backoff,
    tokens,
    post,
    emit,
    warnOnce,
    mayRun,
    person: () => person,
    tokenMatches,
    open,
  }

  const bare = createBareSender(context, calls)
  const { onWire, next } = bare

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
        bare.begin()
      })
    return loading
  }

  const leave = (): void => {
    if (!mayRun()) return
    if (engine) engine.leave()
    else bare.send()
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
    if (backoff.waitMs() <= 0) tokens.ask(person)
    loadEngine()
    return { outcome: call.outcome, since: now, until: now + settleMs, revision: store.revision(), call }
  }

  return {
    identify,
    holds: ({ since, until, revision, call }) => {
      const now = clock.now()
      if (now < since || now >= until || store.revision() !== revision) return false
      return !call || call.isOpen || isOffline(proxyUrl)
    },
    leave,
    resume: () => {
      const { outbox, held } = store.read()
      if (outbox.size > held.size) loadEngine().then(() => (engine ? engine.sendAll() : next()))
    },
    wake: () => {
      if (!mayRun()) return
      engine?.sendAll(true)
      bare.wake()
    },
    flush: async () => {
      await loading
      await engine?.flush()
      if (!bare.isBare() || !store.read().outbox.size) return
      await tokens.ask(person)
      bare.send()
    },
    forget: (reason) => {
      isOver = reason === 'closed'
      // What is on the wire ends with its own outcome.
      const open = [...calls].filter(([id]) => isOver || !onWire.has(id))
      calls.clear()
      bare.stop()
      person = undefined
      tokens.discard()
      if (reason !== 'closed') store.renew(reason === 'denied')
      // Last: what a listener calls belongs to what comes after.
      engine?.forget(reason)
      for (const [id, call] of open) call.end(emit(id, 'dropped', reason))
    },
  }
}
