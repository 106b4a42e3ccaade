import { within } from '../core/within.ts'
import { createRecorder } from './acknowledge.ts'
import { type BareAnswer, readBareAnswer } from './bare-answer.ts'
import { toBareUpdate } from './bare-update.ts'
import type { EngineContext } from './engine-context.ts'
import type { OpenCall } from './open-call.ts'
import { type InFlight, outlivesPage } from './post.ts'
import { ledgerOf } from './state.ts'
import { toBody } from './waiting-fields.ts'

/** Sends what waits without the chunk: when the page is left before it has come, and where it cannot be loaded. */
export interface BareSender {
  /** What is on the wire, by id. */
  onWire: Map<string, InFlight>
  /** True once the chunk is known not to come. */
  isBare(): boolean
  /** The chunk does not come: from now on what is sent is followed, and tried again. */
  begin(): void
  /** Sends at once what the token at hand speaks for. */
  send(): void
  /** Sends after the debounce and the back-off. */
  next(): void
  /** Ends a back-off that no server ordered. */
  wake(): void
  /** Ends the timer, and forgets what is on the wire. */
  stop(): void
}

/** @param calls those that no engine has taken */
export const createBareSender = (context: EngineContext, calls: Map<string, OpenCall>): BareSender => {
  const { settings, store, backoff, tokens, post, emit, warnOnce, mayRun, person, tokenMatches } = context
  const { clock, debounceMs, timeoutMs } = settings
  const record = createRecorder(settings, store)
  const onWire = new Map<string, InFlight>()
  let isBare = false
  let cancelNext: (() => void) | undefined

  const cancel = (): void => {
    cancelNext?.()
    cancelNext = undefined
  }

  /** The page may have emptied the storage. What another tab has sent is in the ledger, and stays away. */
  const restore = (): void => {
    const state = store.read()
    for (const [id, call] of calls) {
      if (!call.isOpen || call.session !== state.session || state.outbox.has(id) || onWire.has(id)) continue
      const ledger = ledgerOf(state, id)
      const lost = Object.entries(call.fields ?? {}).filter(([field, [, at]]) => (ledger[field]?.[2] ?? 0) < at)
      if (lost[0]) state.outbox.set(id, Object.fromEntries(lost))
    }
  }

  const send = (): void => {
    const token = tokens.held
    if (!token || !mayRun() || backoff.waitMs() > 0) return
    if (isBare) restore()
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
      if (!mayRun() || update.session !== store.read().session) {
        onWire.delete(id)
        return
      }
      update.response = post(update, token)
      if (isBare) follow(update)
    }
  }

  const next = (): void => {
    if (!isBare || !mayRun()) return
    restore()
    if (!store.read().outbox.size) return
    cancelNext ??= clock.after(Math.max(debounceMs, backoff.waitMs() + 1), async () => {
      cancelNext = undefined
      const token = await tokens.ask(person())
      if (!token) tokens.discard()
      if (token !== undefined) return send()
      warnOnce('token: failed')
      if (backoff.onFailure({ reason: 'token_source' }) !== undefined) next()
    })
  }

  /** Acknowledges by our own 2xx alone, and backs off from all else. */
  const follow = async (update: InFlight): Promise<void> => {
    const { id, session, fields, response } = update
    const call = calls.get(id)
    const answer = await within(clock, timeoutMs, readBareAnswer(response, clock), (): BareAnswer => ({}))
    const { known, isUnauthorized, retryAfterMs = 0 } = answer
    if (isUnauthorized) tokens.discard()
    const state = store.read()
    if (session !== state.session) return call?.end(known ? emit(id, known) : emit(id, 'dropped', 'reset'))
    if (onWire.get(id) !== update) return
    onWire.delete(id)
    if (known) {
      backoff.onDelivered()
      record(id, fields)
      if (!state.outbox.get(id)) {
        calls.delete(id)
        call?.end(emit(id, known))
      }
    } else if (backoff.onFailure({ reason: 'unreachable', retryAfterMs }) === undefined) return
    next()
  }

  return {
    onWire,
    isBare: () => isBare,
    begin: () => {
      isBare = true
      for (const update of onWire.values()) follow(update)
      next()
    },
    send,
    next,
    wake: () => {
      if (!isBare) return
      backoff.onWake()
      cancel()
      next()
    },
    stop: () => {
      cancel()
      onWire.clear()
    },
  }
}
