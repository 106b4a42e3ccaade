import type { Contact } from '../core/contact.ts'
import { createDecisions, type Decision, type Say } from './decisions.ts'
import { createPipeline, type LoadEngine, type Pipeline } from './intake.ts'
import { type IdentifiedUser, type IdentifyOptions, sortedCopy, type Traits, toContact } from './normalise.ts'
import { type ClientOptions, type Consent, type Settings, toSettings } from './options.ts'
import type { Outcome } from './outcome.ts'
import { hasPrivacySignal, listenToPage } from './page.ts'

/**
 * The client of one page, for one proxy. Every method may be called at any time, detached from the object too; none but
 * `init` throws, and before `init` none has an effect outside: no listener, timer, request or access to storage.
 */
export interface Orq {
  /**
   * Starts. Calls made before are replayed in their order. A second call with other options is ignored with one warning.
   * @throws RangeError naming the option
   */
  init(options?: ClientOptions): void
  /**
   * Says who this is. Never throws, never rejects; settles within `settleMs`. An absent field is kept upstream, null, `[]`
   * and `{}` clear, and `metadata` is replaced as a whole. The values are those at the time of the call.
   */
  identify<Metadata extends object>(user: IdentifiedUser<Metadata>, options?: IdentifyOptions): Promise<Outcome>
  /**
   * The same in the way of analytics libraries: `name`, `avatar` and a contact's own fields are taken for these, every
   * other trait joins `metadata`, which is replaced as a whole where those libraries merge.
   */
  identify(id: string | number, traits?: Traits | null, options?: IdentifyOptions): Promise<Outcome>
  /**
   * Signed out: forgets person, token, ledger and outbox, in every tab. What waits is `dropped: reset`; what is on the wire
   * ends with an outcome of its own and is not repeated. Consent stays.
   */
  reset(): void
  /** Sends what waits now, without the debounce; resolves when nothing can be sent any more. Never rejects. */
  flush(): Promise<void>
  /** Sends what can be sent at once, then ends for good: no listener or timer; later calls are `dropped: closed`. */
  close(): void
  /** What the person has decided since `init`, or before it: then the option `consent` no longer counts. */
  consent(state: Consent): void
  /** The last decision of each contact of this page's life, for a look from the console. */
  explain(): Decision[]
  /** Hears every decision as it is made. What the listener throws goes to the console. @returns ends the listening */
  on(event: 'decision', listener: (decision: Decision) => void): () => void
}

/**
 * @param load gets the chunk
 * @param guessProxyUrl where the proxy is when nobody says; undefined when it cannot be guessed: then nothing is sent,
 * and the door says why
 */
export const createClient = (load: LoadEngine, guessProxyUrl: () => string | undefined): Orq => {
  const { emit, on, last } = createDecisions()
  const listening = new AbortController()
  const said = new Set<string>()
  /** What was called before `init` or while consent is pending, in order. */
  const early: (() => void)[] = []
  let given: ClientOptions | undefined
  let settings: Settings
  let pipeline: Pipeline | undefined
  let state: Consent | 'closed' | undefined
  /** The last duplicate: asked again with nothing changed in storage, it is one still. */
  let memo: [args: string, id: string, until: number, stamp: string | undefined] | undefined

  /** One console line per text and page. */
  const say: Say = (text, level = 'error') => {
    if (said.has(text)) return
    said.add(text)
    console[level](`orq: ${text}`)
  }

  const mayRun = (): boolean => state === 'granted'

  /** Runs what had to wait, once it is decided whether anything may run. */
  const runEarly = (): void => {
    if (state !== 'closed' && (!pipeline || state === 'pending')) return
    for (const task of early.splice(0)) task()
  }

  const whenDecided = (task: () => void): void => {
    early.push(task)
    runEarly()
  }

  const decide = (contact: Contact, force: boolean, args: string): Outcome | Promise<Outcome> => {
    const id = contact.external_id
    if (!mayRun()) return emit(id, 'dropped', state)
    const { beforeSend, clock } = settings
    let allowed: Contact | null = contact
    if (beforeSend)
      try {
        allowed = sortedCopy(beforeSend(contact)) as Contact | null
        if (allowed && !allowed.external_id) throw id
      } catch {
        say('beforeSend: give a contact', 'warn')
        allowed = null
      }
    if (!allowed) return emit(id, 'dropped', 'before_send')
    const result = pipeline!.identify(allowed, force)
    if (typeof result !== 'number') return result
    if (!beforeSend) memo = [args, id, clock.monotonic() + result, pipeline!.stamp()]
    return emit(id, 'duplicate')
  }

  const identify = async (...args: unknown[]): Promise<Outcome> => {
    try {
      const text = JSON.stringify(args)
      if (memo?.[0] === text && mayRun() && memo[3] === pipeline!.stamp() && settings.clock.monotonic() < memo[2])
        return emit(memo[1], 'duplicate')
      const [contact, force] = toContact(args, say)
      return new Promise((resolve) => whenDecided(() => resolve(decide(contact, force, text))))
    } catch {
      // A cycle, a BigInt, a getter or a proxy object of the caller's that threw.
      say('identify: give JSON, at most 32000 bytes')
      return emit('', 'dropped', 'invalid')
    }
  }

  const enter = (next: typeof state): void => {
    if (state === 'closed') return
    state = next
    if (next === 'granted') pipeline?.resume()
    else if (next !== 'pending') pipeline?.forget(next as 'denied' | 'closed')
    runEarly()
  }

  const init = (options: ClientOptions = {}): void => {
    if (given) {
      if (JSON.stringify(given) !== JSON.stringify(options)) say('init: called twice', 'warn')
      return
    }
    const proxyUrl = options.proxyUrl ?? guessProxyUrl()
    if (!proxyUrl) return
    settings = toSettings({ ...options, proxyUrl })
    given = options
    const { clock, consent, respectPrivacySignals, debug } = settings
    if (debug) on((decision) => console.debug('orq:', decision))
    pipeline = createPipeline(settings, { mayRun, emit, say }, load)
    listenToPage(pipeline.leave, pipeline.wake, listening.signal)
    state ??= consent ?? 'granted'
    if (respectPrivacySignals && hasPrivacySignal()) state = 'denied'
    // Not now: the first access to storage costs up to a millisecond of the page's start.
    clock.after(0, () => enter(state))
  }

  return {
    init,
    identify,
    reset: () => whenDecided(() => mayRun() && pipeline!.forget('reset')),
    flush: async () => {
      runEarly()
      await pipeline?.flush()
    },
    close: () => {
      pipeline?.leave()
      enter('closed')
      listening.abort()
    },
    consent: enter,
    explain: last,
    on: (_event, listener) => on(listener),
  }
}
