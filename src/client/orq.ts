import { type Contact, parseContact } from '../core/contact.ts'
import type { Fetch } from '../core/ports.ts'
import { createDecisions, type Decision } from './decisions.ts'
import { createLock } from './lock.ts'
import { type IdentifiedUser, type IdentifyOptions, type Traits, toContact } from './normalise.ts'
import { type ClientOptions, type Consent, type Settings, toSettings } from './options.ts'
import { dropped, type Outcome } from './outcome.ts'
import { hasPrivacySignal, isOfflineFor, listenToPage } from './page.ts'
import { createPipeline, type Pipeline } from './pipeline.ts'
import { browserStorage, createRecords, type RecordsStore } from './records.ts'
import { createTokens, fetchToken } from './tokens.ts'
import { createWaitingRoom } from './waiting-room.ts'

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
  proxyUrl?: (() => string | undefined) | undefined
}

export const createClient = (door: Door): Orq => {
  const decisions = createDecisions(Date)
  const waitingRoom = createWaitingRoom()
  const said = new Set<string>()
  let settings: Settings | undefined
  let given: ClientOptions | undefined
  let store: RecordsStore
  let pipeline: Pipeline | undefined
  let consent: Consent = 'granted'
  let isClosed = false
  let isStarted = false
  /** `reset` was called while storage was not to be touched. */
  let isResetDue = false
  let stopListening = (): void => {}
  /** The last duplicate: asked again with nothing changed in storage, it is one still. */
  let memo: { args: string; stamp: string; id: string; from: number; until: number } | undefined

  const say = (text: string, level: 'warn' | 'error'): void => {
    if (said.has(text) || said.size > 99) return
    said.add(text)
    console[level](`orq: ${text}`)
  }
  const warn = (text: string): void => say(text, 'warn')

  const drop = (id: string, reason: 'invalid' | 'denied' | 'before_send' | 'closed'): Outcome => {
    decisions.emit(id, 'dropped', reason)
    return dropped(reason)
  }

  const run = (contact: Contact, force: boolean, args?: string): Outcome | Promise<Outcome> => {
    const { beforeSend, clock } = settings as Settings
    let allowed: ReturnType<typeof parseContact> = contact
    if (beforeSend) {
      try {
        const answer = beforeSend(contact)
        if (!answer) return drop(contact.external_id, 'before_send')
        allowed = parseContact(answer)
      } catch {
        allowed = { path: '', mend: '' }
      }
      if ('path' in allowed) {
        warn(`beforeSend threw or returned no valid contact ${allowed.path}`)
        return drop(contact.external_id, 'before_send')
      }
    }
    if ('path' in allowed) return drop('', 'invalid')
    if (decisions.debug && allowed.metadata) warn('metadata replaces what is stored as a whole, it is not merged')
    const { outcome, until } = (pipeline as Pipeline).identify(allowed, force)
    if (until && args && !beforeSend)
      memo = { args, stamp: store.stamp(), id: allowed.external_id, from: clock.now(), until }
    return outcome
  }

  const identify = (...args: unknown[]): Outcome | Promise<Outcome> => {
    if (isClosed) return drop('', 'closed')
    let text: string | undefined
    try {
      text = pipeline && consent === 'granted' ? JSON.stringify(args) : undefined
    } catch {}
    if (memo && memo.args === text && memo.stamp === store.stamp()) {
      const now = (settings as Settings).clock.now()
      if (now >= memo.from && now < memo.until) {
        decisions.emit(memo.id, 'duplicate')
        return { status: 'duplicate' }
      }
    }
    const { contact, force } = toContact(args, warn)
    if ('path' in contact) {
      say(`identify was given an invalid user: ${contact.path} must be ${contact.mend}`, 'error')
      return drop('', 'invalid')
    }
    if (consent === 'denied') return drop(contact.external_id, 'denied')
    if (!pipeline || consent === 'pending') return waitingRoom.add(contact, force)
    start()
    return run(contact, force, force ? undefined : text)
  }

  /** Everything that came before, in its order. */
  const start = (): void => {
    if (isStarted || !pipeline) return
    isStarted = true
    if (isResetDue) pipeline.forget('reset')
    isResetDue = false
    pipeline.resume()
    waitingRoom.replay(run)
  }

  const setConsent = (state: Consent): void => {
    consent = state
    memo = undefined
    isStarted = false
    if (state === 'granted') start()
    if (state !== 'denied') return
    waitingRoom.empty(dropped('denied'))
    pipeline?.forget('denied')
  }

  const init = (options: ClientOptions = {}): void => {
    if (given) {
      const before = given as Record<string, unknown>
      const isSame = Object.entries({ ...before, ...options }).every(
        ([name]) => String(before[name]) === String((options as Record<string, unknown>)[name]),
      )
      if (!isSame) warn('init was called again with other options; the first ones stay')
      return
    }
    const proxyUrl = options.proxyUrl ?? (door.proxyUrl ? door.proxyUrl() : '/orq')
    if (!proxyUrl) return say('proxyUrl is missing: the script comes from another origin; set data-proxy-url', 'error')
    const chosen = toSettings({ ...options, proxyUrl })
    given = options
    settings = chosen
    decisions.debug = !!chosen.debug
    const { clock, fetch, timeoutMs, tokenUrl } = chosen
    store = createRecords(chosen.storage ?? browserStorage(), {
      proxyUrl: chosen.proxyUrl,
      keepOutbox: chosen.outbox !== 'memory',
      ttlMs: chosen.outboxTtlMs,
      clock,
    })
    let loading: Promise<Fetch> | undefined
    pipeline = createPipeline({
      settings: chosen,
      store,
      tokens: createTokens(chosen.token ?? (tokenUrl ? fetchToken(fetch, tokenUrl) : undefined), chosen),
      lock: createLock(`orq ${chosen.proxyUrl}`, timeoutMs / 2),
      load: () => {
        loading ??= door.load().then((transport) => transport(fetch, timeoutMs))
        return loading
      },
      isOffline: isOfflineFor(chosen.proxyUrl),
      mayRun: () => consent === 'granted' && !isClosed,
      emit: decisions.emit,
      complain: (text, level) => say(text, level ?? 'error'),
    })
    const whileGranted = (task: () => void) => (): void => {
      if (consent === 'granted' && !isClosed) task()
    }
    stopListening = listenToPage({ leave: whileGranted(pipeline.leave), wake: whileGranted(pipeline.wake) })
    consent =
      chosen.respectPrivacySignals && hasPrivacySignal() ? 'denied' : consent === 'granted' ? chosen.consent : consent
    if (consent === 'denied') setConsent(consent)
    // Not now: the first access to storage costs up to a millisecond of the page's start.
    else clock.after(0, whileGranted(start))
  }

  return {
    init,
    identify: async (...args: unknown[]) => identify(...args),
    reset: () => {
      memo = undefined
      waitingRoom.empty(dropped('reset'))
      if (pipeline && consent === 'granted') pipeline.forget('reset')
      else isResetDue = true
    },
    flush: async () => {
      if (!pipeline || consent !== 'granted') return
      start()
      await pipeline.flush(typeof document === 'undefined')
    },
    close: () => {
      if (isClosed) return
      if (consent === 'granted') pipeline?.leave()
      isClosed = true
      stopListening()
      waitingRoom.empty(dropped('closed'))
      pipeline?.forget('closed')
    },
    consent: setConsent,
    explain: decisions.last,
    on: (_event, listener) => decisions.on(listener),
  }
}
