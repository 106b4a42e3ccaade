import { within } from '../../core/within.ts'
import { createRecorder } from '../acknowledge.ts'
import type { Failure } from '../backoff.ts'
import type { EngineContext } from '../engine-context.ts'
import { dropped, type PendingReason, pending } from '../outcome.ts'
import type { Token } from '../tokens.ts'
import { isEmpty, type WaitingFields } from '../waiting-fields.ts'
import { type Answer, readAnswer } from './answer.ts'
import { explainAnswer, explainRefusal, explainToken, see } from './explain.ts'
import { freshToken } from './fresh-token.ts'
import { giveUp } from './give-up.ts'
import { createLauncher } from './launcher.ts'
import { hasUnsent, type Outbox, type PendingContact } from './outbox.ts'
import type { ContactUpdate, Sender, SenderParts } from './sender-types.ts'

export const createSender = (context: EngineContext, outbox: Outbox, parts: SenderParts): Sender => {
  const { settings, store, backoff, tokens, mayRun, warnOnce, person, tokenMatches } = context
  const launcher = createLauncher(context, outbox)
  const { recheck, transmit } = parts
  const { clock, timeoutMs, debounceMs, maxWaitMs, proxyUrl } = settings
  const { all, settle } = outbox
  const record = createRecorder(settings, store)
  /** Contacts whose turn has come. */
  const ready = new Set<PendingContact>()
  const following = new Set<Promise<void>>()
  let running: Promise<void> | undefined
  let lastFailure: PendingReason = 'timeout'
  let isRenewed = false
  let cancelWake = (): void => {}
  /** Outside a document a flush is the last that is done, until the next call: no timer may keep the program from its end. */
  let isFlushed = false

  const endDebounce = (contact: PendingContact): void => {
    contact.cancelDebounce?.()
    contact.since = undefined
  }

  const pump = (): Promise<void> => {
    running ??= run()
    return running
  }

  const run = async (): Promise<void> => {
    await 0
    while (ready.size && mayRun()) {
      cancelWake()
      const left = backoff.waitMs()
      if (left > 0) {
        if (!isFlushed) cancelWake = clock.after(left, pump)
        break
      }
      try {
        await attempt()
      } catch {
        // A patched browser may throw anywhere, and the next attempt may do better.
        fail({ reason: 'unreachable', settlesNow: true })
      }
    }
    // In the same turn as the last look at `ready`: a later call starts anew.
    running = undefined
  }

  const fail = (failure: Failure): void => {
    const { reason, settlesNow } = failure
    isRenewed = false
    lastFailure = reason
    const againInMs = backoff.onFailure(failure)
    if (againInMs !== undefined && !settlesNow) return
    for (const contact of ready) settle(contact, pending(reason), 0, againInMs)
    if (againInMs === undefined) ready.clear()
  }

  const attempt = async (): Promise<void> => {
    for (const contact of ready) if (!outbox.isLive(contact)) ready.delete(contact)
    if (!ready.size) return
    freshToken(context)
    const asker = person()
    const token = await tokens.ask(asker)
    // Denied, closed, reset, or somebody else is here meanwhile.
    if (!mayRun() || !ready.size || asker !== person()) return
    if (!token) {
      tokens.discard()
      if (token === undefined) {
        explainToken(context)
        return fail({ reason: 'token_source' })
      }
      for (const contact of ready) contact.isHeld = true
      return fail({ reason: 'no_token', noAutoRetry: true })
    }
    for (const contact of ready) if (tokenMatches(token, contact.id)) return transmit(contact, token)
    holdOthers(token)
  }

  /** The token speaks for none of those that are ready. */
  const holdOthers = (token: Token): void => {
    const { held } = store.read()
    const current = all.get(person() ?? '')
    // What is left of a previous user stays in the outbox until that user is identified again.
    for (const contact of all.values())
      if (contact !== current && !tokenMatches(token, contact.id)) {
        endDebounce(contact)
        contact.isHeld = true
        held.add(contact.id)
        ready.delete(contact)
      }
    store.save()
    if (current && ready.has(current))
      renew(current, 'other_person', `the token names another person than identify does${see('the-token')}`)
  }

  const renew = (contact: PendingContact, reason: PendingReason, hint: string): void => {
    ready.add(contact)
    tokens.discard()
    if (!isRenewed && typeof settings.token !== 'string') {
      isRenewed = true
      return
    }
    warnOnce(`token: ${hint}`)
    fail({ reason, noAutoRetry: true })
  }

  const follow: Sender['follow'] = async (update, abort) => {
    const late = (): Answer => {
      abort?.()
      return { verdict: { reason: 'timeout' }, status: 0 }
    }
    const answer = await within(clock, timeoutMs, readAnswer(update.response, clock), late)
    // Another tab was ahead of us with the same, perhaps, and its acknowledgement is on its way.
    if (answer.verdict === 'superseded') await new Promise<void>((go) => clock.after(debounceMs, go))
    conclude(update, answer)
  }

  const conclude = ({ contact, fields, updateNumber }: ContactUpdate, answer: Answer): void => {
    const { verdict, field = '', code = '' } = answer
    const { id, onWire } = contact
    const isKnown = verdict === 'delivered' || verdict === 'accepted'
    const outcome = isKnown ? ({ status: verdict } as const) : dropped('rejected')
    const state = store.read()
    if (contact.session !== state.session) return settle(contact, isKnown ? outcome : dropped('reset'))
    // One field alone was refused: the others go again at once.
    const isOne = verdict === 'rejected' && field !== 'external_id' && Object.hasOwn(fields, field)
    const isOver = isKnown || (verdict === 'rejected' && !isOne)
    const ended: WaitingFields = {}
    for (const name of Object.keys(fields)) {
      // Changed or sent again meanwhile: that value waits, or its own answer counts.
      if (onWire[name] !== updateNumber) continue
      onWire[name] = 0
      if (!isOver && name !== (isOne && field)) continue
      const [json, calledAt] = fields[name]!
      const carried = contact.carries[name] ?? calledAt
      ended[name] = [json, carried, 0]
      // What another tab has called since still waits, though it may be the same.
      if (!((contact.fields[name]?.[1] ?? 0) > carried)) delete contact.fields[name]
    }
    if (isKnown) backoff.onDelivered()
    // The same body, when it is sent again later, is another update.
    if (isOver) launcher.renumber(id)
    // A profile restored from a backup counts from an old number on.
    state.last = Math.max(state.last, answer.updateNumber ?? 0)
    if (isKnown) record(id, ended)
    else if (isOne) record(id, ended, 1)
    else giveUp(store, id, ended)
    if (isOne && ended[field]) contact.refused.push(field)
    if (isKnown) recheck(contact, ended)
    if (isOver) {
      settle(contact, outcome, updateNumber)
      // Calls that came meanwhile and changed nothing.
      if (contact.calls.size && isEmpty(contact.fields)) settle(contact, outcome, 0)
    } else for (const call of contact.calls) if (call.updateNumber === updateNumber) call.updateNumber = 0
    explainAnswer(answer, proxyUrl, warnOnce)
    // Forgotten meanwhile.
    if (all.get(id) !== contact) return
    if (verdict === 'renew')
      return renew(contact, code === 'scope_mismatch' ? 'other_person' : 'token_refused', explainRefusal(context, code))
    isRenewed = false
    if (isKnown) lastFailure = 'timeout'
    if (hasUnsent(contact) && contact.since === undefined) ready.add(contact)
    if (typeof verdict === 'object') fail(verdict)
    if (verdict === 'superseded') {
      launcher.renumber(id)
      if (contact.isSuperseded) fail({ reason: 'server' })
    }
    contact.isSuperseded = verdict === 'superseded'
    outbox.release(contact)
  }

  const sendAll = (isNews?: boolean): Promise<void> => {
    if (isNews) backoff.onWake()
    for (const contact of all.values())
      if (hasUnsent(contact) && contact.since === undefined && !contact.isHeld) ready.add(contact)
    return pump()
  }

  return {
    lastFailure: () => lastFailure,
    sendAll,
    follow,
    claim: (contact, token) => {
      if (freshToken(context) !== token || !ready.has(contact) || !mayRun() || !outbox.isLive(contact)) return false
      ready.delete(contact)
      endDebounce(contact)
      return true
    },
    launch: launcher.launch,
    wait: (contact, hasChanged) => {
      contact.isHeld = false
      if (hasChanged) backoff.onNewData()
      // What another call is carried by needs no request of its own.
      if (!hasUnsent(contact)) return
      isFlushed = false
      const now = clock.monotonic()
      contact.since ??= now
      contact.cancelDebounce?.()
      contact.cancelDebounce = clock.after(Math.max(0, Math.min(debounceMs, contact.since + maxWaitMs - now)), () => {
        contact.since = undefined
        ready.add(contact)
        pump()
      })
      // Beside the debounce, so that leaving the page finds the token at hand.
      if (backoff.waitMs() > 0) return
      freshToken(context)
      tokens.ask(person())
    },
    track: (update) => {
      endDebounce(update.contact)
      ready.delete(update.contact)
      const ending = follow(update).then(() => {
        following.delete(ending)
        pump()
      })
      following.add(ending)
    },
    flush: async () => {
      for (const contact of all.values()) endDebounce(contact)
      await sendAll()
      await Promise.all(following)
      await pump()
      if (typeof document !== 'undefined') return
      isFlushed = true
      cancelWake()
      for (const contact of all.values()) settle(contact, pending(lastFailure))
    },
    halt: () => {
      cancelWake()
      ready.clear()
      backoff.onDelivered()
    },
  }
}
