import { type Contact, type Problem, parseContact } from '../core/contact.ts'
import type { Fetch } from '../core/ports.ts'
import { createDecisions, type Decision } from './decisions.ts'
import { createLock } from './lock.ts'
import { type IdentifiedUser, type IdentifyOptions, type Traits, toContact } from './normalise.ts'
import { type ClientOptions, type Consent, type Settings, toSettings } from './options.ts'
import { type DroppedReason, dropped, type Outcome } from './outcome.ts'
import { hasPrivacySignal, isOffline, listenToPage } from './page.ts'
import { createPipeline, type Pipeline } from './pipeline.ts'
import { browserStorage, createRecords, type RecordsStore } from './records.ts'
import { createTokens, fetchToken } from './tokens.ts'

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
  load(): Promise<(fetch: Fetch, timeoutMs: number) => Fetch>
  /** Undefined when it cannot be guessed. */
  proxyUrl(): string | undefined
}

export const createClient = (door: Door): Orq => {
  const { emit, on, last } = createDecisions()
  const said = new Set<string>()
  /** What was called before `init` or while consent is pending, in order. */
  const early: (() => void)[] = []
  let given: ClientOptions | undefined
  let settings: Settings
  let store: RecordsStore
  let pipeline: Pipeline | undefined
  let consent: Consent = 'granted'
  let isClosed = false
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

  const drop = (id: string, reason: DroppedReason): Outcome => {
    emit(id, 'dropped', reason)
    return dropped(reason)
  }

  /** Runs now, or once it is decided whether anything may run. */
  const whenDecided = (task: () => void): void => {
    early.push(task)
    if (!isClosed && (!pipeline || consent === 'pending')) return
    if (!isResumed && mayRun()) {
      isResumed = true
      pipeline!.resume()
    }
    for (const earlier of early.splice(0)) earlier()
  }

  const mayRun = (): boolean => consent === 'granted' && !isClosed

  const decide = (contact: Contact, force: boolean, args?: string): Outcome | Promise<Outcome> => {
    const id = contact.external_id
    if (isClosed) return drop(id, 'closed')
    if (consent === 'denied') return drop(id, 'denied')
    const { beforeSend, clock, debug } = settings
    let allowed: Contact | Problem | undefined = contact
    if (beforeSend) {
      try {
        const answer = beforeSend(contact)
        allowed = answer ? parseContact(answer) : undefined
      } catch {
        allowed = { path: '', mend: '' }
      }
      if (!allowed || 'path' in allowed) {
        if (allowed) warn('beforeSend threw or returned no valid contact')
        return drop(id, 'before_send')
      }
    }
    if (debug && allowed.metadata) warn('metadata replaces what is stored as a whole, it is not merged')
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
    const [contact, force] = toContact(args, warn)
    if ('path' in contact) {
      say(`identify: ${contact.path} must be ${contact.mend}`)
      return drop('', 'invalid')
    }
    return new Promise((resolve) => whenDecided(() => resolve(decide(contact, force, force ? undefined : text))))
  }

  const setConsent = (state: Consent): void => {
    consent = state
    isResumed = false
    forget(state === 'denied' && state)
    whenDecided(() => {})
  }

  const forget = (reason: DroppedReason | false): void => {
    memo = undefined
    if (reason) pipeline?.forget(reason)
  }

  const init = (options: ClientOptions = {}): void => {
    if (given) {
      if (JSON.stringify(given) !== JSON.stringify(options)) warn('init was called again with other options')
      return
    }
    const proxyUrl = options.proxyUrl ?? door.proxyUrl()
    if (!proxyUrl) return say('the script comes from another origin: set data-proxy-url')
    settings = toSettings({ ...options, proxyUrl })
    given = options
    const { clock, fetch, timeoutMs, tokenUrl, token, storage, outbox, debug } = settings
    const url = settings.proxyUrl
    if (debug) on(({ kind, reason, contact }) => console.debug('orq:', kind, reason ?? '', contact))
    store = createRecords(storage ?? browserStorage(), url, outbox !== 'memory')
    let loading: Promise<Fetch> | undefined
    pipeline = createPipeline(settings, {
      store,
      tokens: createTokens(token ?? (tokenUrl ? fetchToken(fetch, tokenUrl) : undefined), settings),
      lock: createLock(url, timeoutMs / 2, clock),
      load: () => {
        loading ??= door.load().then((transport) => transport(fetch, timeoutMs))
        return loading
      },
      isOffline: () => isOffline(url),
      mayRun,
      emit,
      say,
    })
    const { leave, wake } = pipeline
    stopListening = listenToPage(
      () => isResumed && leave(),
      () => isResumed && wake(),
    )
    if (consent === 'granted') consent = settings.consent ?? consent
    if (settings.respectPrivacySignals && hasPrivacySignal()) consent = 'denied'
    // Not now: the first access to storage costs up to a millisecond of the page's start.
    clock.after(0, consent === 'denied' ? () => setConsent('denied') : () => whenDecided(() => {}))
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
      if (isResumed) pipeline!.leave()
      isClosed = true
      isResumed = false
      stopListening()
      forget('closed')
      whenDecided(() => {})
    },
    consent: setConsent,
    explain: last,
    on: (_event, listener) => on(listener),
  }
}
