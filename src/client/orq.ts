import type { Contact } from '../core/contact.ts'
import { createDecisions, type Decision } from './decisions.ts'
import { createPipeline, type LoadEngine, type Pipeline } from './intake.ts'
import { type IdentifiedUser, type IdentifyOptions, sortedCopy, type Traits, toContact } from './normalise.ts'
import { type ClientOptions, type Consent, type Settings, toSettings } from './options.ts'
import { type DroppedReason, dropped, type Outcome } from './outcome.ts'
import { hasPrivacySignal, listenToPage } from './page.ts'
import { browserStorage, createRecords, type RecordsStore } from './records.ts'
import { createTokens } from './tokens.ts'

export interface Orq {
  /**
   * Starts. Calls made before are replayed. A second call with other options is ignored with one warning.
   * @throws OrqError `INVALID_OPTION`, naming the option
   */
  init(options?: ClientOptions): void
  /** Says who this is. Never throws, never rejects; settles within `settleMs`. `metadata` is replaced as a whole. */
  identify<Metadata extends object>(user: IdentifiedUser<Metadata>, options?: IdentifyOptions): Promise<Outcome>
  identify(id: string | number, traits?: Traits | null, options?: IdentifyOptions): Promise<Outcome>
  /** Signed out: forgets person, token, ledger and outbox. Consent stays. */
  reset(): void
  /** Sends what waits now; resolves when nothing can be sent any more. */
  flush(): Promise<void>
  /** Sends what can be sent at once, then ends: no listener, timer or later call. */
  close(): void
  consent(state: Consent): void
  /** The last decision of each contact. */
  explain(): Decision[]
  /** @returns ends the listening */
  on(event: 'decision', listener: (decision: Decision) => void): () => void
}

/** What a door adds: how the chunk is found, and where the proxy is when nobody says. */
export interface Door {
  load: LoadEngine
  /** Undefined when it cannot be guessed: then nothing is sent, and the door says why. */
  proxyUrl(): string | undefined
}

export const createClient = (door: Door): Orq => {
  const { emit, on, last } = createDecisions()
  const said = new Set<string>()
  /** What was called before `init` or while consent is pending, in order. */
  let early: (() => void)[] = []
  let given: string | undefined
  let settings: Settings
  let store: RecordsStore
  let pipeline: Pipeline | undefined
  let state: Consent | 'closed' | undefined
  let isResumed = false
  let stopListening = (): void => {}
  /** The last duplicate: asked again with nothing changed in storage, it is one still. */
  let memo: [args: string, stamp: string, id: string, from: number, until: number] | undefined

  /** One console line per text and page. */
  const say = (text: string, isWarning?: boolean): void => {
    if (said.has(text) || said.size > 99) return
    said.add(text)
    console[isWarning ? 'warn' : 'error'](`orq: ${text}`)
  }
  const warn = (text: string): void => say(text, true)

  const mayRun = (): boolean => state === 'granted'

  const drop = (id: string, reason: DroppedReason): Outcome => {
    emit(id, 'dropped', reason)
    return dropped(reason)
  }

  /** Runs now, or once it is decided whether anything may run. */
  const whenDecided = (task: () => void): void => {
    early.push(task)
    if (state !== 'closed' && (!pipeline || state === 'pending')) return
    if (mayRun() && !isResumed) {
      isResumed = true
      pipeline!.resume()
    }
    const tasks = early
    early = []
    for (const earlier of tasks) earlier()
  }

  const decide = (contact: Contact, force: boolean, args: string | undefined): Outcome | Promise<Outcome> => {
    const id = contact.external_id
    if (!mayRun()) return drop(id, state as 'denied' | 'closed')
    const { beforeSend, clock } = settings
    let allowed: Contact | null = contact
    try {
      if (beforeSend) allowed = sortedCopy(beforeSend(contact) ?? null)
    } catch {
      warn('beforeSend threw')
      allowed = null
    }
    if (!allowed) return drop(id, 'before_send')
    const result = pipeline!.identify(allowed, force)
    if (typeof result !== 'number') return result
    if (args && !beforeSend) memo = [args, store.stamp(), id, clock.now(), result]
    return { status: 'duplicate' }
  }

  const identify = async (...args: unknown[]): Promise<Outcome> => {
    let text: string | undefined
    try {
      text = JSON.stringify(args)
    } catch {}
    if (memo && memo[0] === text && memo[1] === store.stamp()) {
      const now = settings.clock.now()
      if (now >= memo[3] && now < memo[4]) {
        emit(memo[2], 'duplicate')
        return { status: 'duplicate' }
      }
    }
    const called = toContact(args, warn)
    if (!called) {
      say('identify: give an object of JSON values')
      return drop('', 'invalid')
    }
    return new Promise((resolve) => whenDecided(() => resolve(decide(...called, text))))
  }

  const forget = (reason: DroppedReason): void => {
    memo = undefined
    pipeline?.forget(reason)
  }

  const setConsent = (next: Consent): void => {
    if (state === 'closed') return
    state = next
    memo = undefined
    isResumed = false
    if (next === 'denied') forget(next)
    whenDecided(() => {})
  }

  const init = (options: ClientOptions = {}): void => {
    const text = JSON.stringify(options)
    if (given) {
      if (given !== text) warn('init again with other options is ignored')
      return
    }
    const proxyUrl = options.proxyUrl ?? door.proxyUrl()
    if (!proxyUrl) return
    settings = toSettings({ ...options, proxyUrl })
    given = text
    const { clock, storage, outbox, consent, respectPrivacySignals, debug } = settings
    if (debug) on(({ kind, reason, contact }) => console.debug('orq:', kind, reason ?? '', contact))
    store = createRecords(storage ?? browserStorage(), settings.proxyUrl, outbox !== 'memory')
    pipeline = createPipeline({ settings, store, tokens: createTokens(settings), mayRun, emit, say }, door.load)
    const { leave, wake } = pipeline
    stopListening = listenToPage(
      () => mayRun() && leave(),
      () => mayRun() && wake(),
    )
    state ??= consent ?? 'granted'
    if (respectPrivacySignals && hasPrivacySignal()) state = 'denied'
    // Not now: the first access to storage costs up to a millisecond of the page's start.
    clock.after(0, () => (state === 'denied' ? setConsent(state) : whenDecided(() => {})))
  }

  return {
    init,
    identify,
    reset: () => whenDecided(() => mayRun() && forget('reset')),
    flush: async () => {
      whenDecided(() => {})
      if (mayRun()) await pipeline?.flush()
    },
    close: () => {
      if (mayRun()) pipeline?.leave()
      state = 'closed'
      stopListening()
      forget(state)
      whenDecided(() => {})
    },
    consent: setConsent,
    explain: last,
    on: (_event, listener) => on(listener),
  }
}
