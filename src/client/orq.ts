import { byteLength, type Contact, copyContact, isNobody, isProblem, maxBodyBytes } from '../core/contact.ts'
import { isSame, toJson, toText } from '../core/json.ts'
import { systemClock } from '../core/ports.ts'
import { createDecisions, type Decision } from './decisions.ts'
import { createEarlyCalls } from './early-calls.ts'
import type { EngineModule, LoadEngine } from './engine-context.ts'
import { toContact } from './normalise.ts'
import type { ClientOptions, Consent } from './options.ts'
import { type Outcome, pending } from './outcome.ts'
import { hasPrivacySignal, listenToPage, whenActivated, whenIdle } from './page.ts'
import { createPipeline } from './pipeline.ts'
import type { Known, Pipeline } from './pipeline-types.ts'
import { checkOption, optionTable, type Settings, toSettings } from './settings.ts'
import type { AnyObject, IdentifyArguments } from './user.ts'
import { createWarnOnce } from './warn-once.ts'

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
   *
   * Takes a user, or in the way of analytics libraries an id and traits: `name`, `avatar` and a contact's own fields are
   * taken for these, every other trait joins `metadata`, which is replaced as a whole where those libraries merge.
   */
  identify<Metadata extends object = Record<string, unknown>, OwnTraits extends AnyObject = object>(
    ...args: IdentifyArguments<Metadata, OwnTraits>
  ): Promise<Outcome>
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
  /** The last decision of each contact of this page's life, or of the one with this id, for a look from the console. */
  explain(externalId?: string): Decision[]
  /** Hears every decision as it is made. What the listener throws goes to the console. @returns ends the listening */
  on(event: 'decision', listener: (decision: Decision) => void): () => void
}

/** What differs between the doors. */
export interface Door {
  load: LoadEngine
  /** Where the proxy is when nobody says. @throws Error that says what to set */
  guessProxyUrl?: () => string
}

/** `init` of the door's own is replaced by the page's, until something is called. */
export interface Client extends Orq {
  init(options?: ClientOptions, isByTag?: boolean): void
}

/** A checked copy of what may be a contact, or what is wrong with it: '' stands for its size. */
const check = (unchecked: unknown): ReturnType<typeof copyContact> => {
  const contact = copyContact(isNobody(Object(unchecked).external_id) ? {} : unchecked)
  return isProblem(contact) || byteLength(toText(contact)) <= maxBodyBytes ? contact : { path: '' }
}

export const createClient = ({ load, guessProxyUrl = () => optionTable.proxyUrl[1] as string }: Door): Client => {
  const { emit, on, last } = createDecisions()
  const warnOnce = createWarnOnce()
  const listening = new AbortController()
  const early = createEarlyCalls()
  let given: ClientOptions | undefined
  /** The tag's own `init`, until the first call. */
  let isReplaceable = false
  /** Runs what was called under it. Set while that waits for the page's own `init`. */
  let begin: (() => void) | undefined
  let settings: Settings | undefined
  let pipeline: Pipeline | undefined
  let state: Consent | 'closed' | undefined
  /** What the person has decided, before `init` or after it. */
  let decided: Consent | undefined
  let isAwaitingInit = false
  /** The last call: made again with nothing changed, it has the same answer. */
  let memo: { args: unknown; id: string; known: Known } | undefined

  /** What only a developer reads comes with the chunk. */
  const withChunk = (tell: (chunk: EngineModule) => void, otherwise?: string): Promise<unknown> =>
    load(settings?.proxyUrl ?? '').then(tell, () => otherwise && warnOnce(otherwise))

  const mayRun = (): boolean => state === 'granted'
  const isDecided = (): boolean => state === 'closed' || (!!pipeline && state !== 'pending')

  const decide = (contact: Contact, force: boolean, args?: readonly unknown[]): Outcome | Promise<Outcome> => {
    const id = contact.external_id
    if (!mayRun()) return emit(id, 'dropped', state)
    isReplaceable = false
    const { beforeSend } = settings!
    if (!beforeSend) {
      const known = pipeline!.identify(contact, force)
      if (args) memo = { args: toJson(args), id, known }
      return known.outcome
    }
    let allowed: unknown
    try {
      allowed = beforeSend(contact)
    } catch {
      // Named below.
    }
    const checked = check(allowed)
    if (isProblem(checked)) {
      if (allowed !== null) warnOnce('beforeSend: no contact', 'warn')
      return emit(id, 'dropped', 'before_send')
    }
    // It may have called `consent` or `close`.
    if (!isDecided()) return early.add(contact, force)
    return mayRun() ? pipeline!.identify(checked, force).outcome : emit(id, 'dropped', state)
  }

  const runEarly = (): void => {
    if (!isDecided()) return
    early.replay(decide, () => mayRun() && pipeline!.forget('reset'))
  }

  const enter = (next: NonNullable<typeof state>): void => {
    if (state === 'closed') return
    state = next
    if (next === 'granted') pipeline?.resume()
    else if (next !== 'pending') pipeline?.forget(next)
    runEarly()
  }

  /** Makes the pipeline, which reads what is stored. Not by `init`: the first access to storage costs the page's start. */
  const start = (): void => {
    if (pipeline || !settings || state === 'closed') return
    whenActivated(() => {
      if (pipeline || !settings || state === 'closed') return
      pipeline = createPipeline(settings, { mayRun, emit, warnOnce, load })
      enter(state!)
    })
  }

  /** A call that cannot go on yet. */
  const keep = (contact: Contact, force: boolean): Promise<Outcome> => {
    // In a task of its own: the page may be about to call `init`.
    if (isReplaceable) {
      begin = () => {
        begin = undefined
        isReplaceable = false
        start()
        runEarly()
      }
      systemClock.after(0, () => begin?.())
    } else if (!given && !isAwaitingInit) {
      isAwaitingInit = true
      systemClock.after(optionTable.settleMs[1] as number, () => {
        isAwaitingInit = false
        if (given) return
        warnOnce('call orq.init')
        early.settleOpen(pending('timeout'))
      })
    }
    return early.add(contact, force)
  }

  const take = (args: readonly unknown[]): Outcome | Promise<Outcome> => {
    if (memo && mayRun() && isSame(args, memo.args) && pipeline!.holds(memo.known)) {
      const { id, known } = memo
      const { outcome } = known
      emit(id, 'status' in outcome ? 'duplicate' : 'joined')
      return outcome
    }
    const [unchecked, force] = toContact(args, warnOnce)
    const contact = check(unchecked)
    if (isProblem(contact)) {
      const { path, key } = contact
      withChunk(({ describeProblem }) => warnOnce(describeProblem(path, key)), `identify: ${path} is wrong`)
      return emit('', 'dropped', 'invalid')
    }
    if (given ? !settings : !globalThis.location) return emit(contact.external_id, 'dropped', 'no_page')
    if (!isReplaceable) {
      start()
      if (isDecided()) return decide(contact, force, args)
    }
    return keep(contact, force)
  }

  const leave = (): void => {
    begin?.()
    pipeline?.leave()
  }

  const init = (options: ClientOptions = {}, isByTag = false): void => {
    if (isReplaceable) {
      // Nothing was called yet: what it has read stays as it is.
      pipeline?.forget('closed')
      pipeline = undefined
    } else if (given) {
      // Functions are often made anew, and do not count.
      if (!isByTag && JSON.stringify(given) !== JSON.stringify(options)) warnOnce('init twice', 'warn')
      return
    }
    settings = toSettings({ ...options, proxyUrl: options.proxyUrl ?? guessProxyUrl() })
    given = options
    isReplaceable = isByTag
    if (!settings) return warnOnce('no page: give an absolute proxyUrl', 'warn')
    // What the person has said counts more than a signal of the browser, and that more than the option.
    state = decided ?? (settings.respectPrivacySignals && hasPrivacySignal() ? 'denied' : settings.consent!)
    if (settings.debug) on((decision) => withChunk(({ describeDecision }) => console.info(describeDecision(decision))))
    listenToPage(leave, () => pipeline?.wake(), listening.signal)
    whenIdle(start, settings.clock)
  }

  return {
    init,
    identify: async (...args: unknown[]) => {
      try {
        return await take(args)
      } catch {
        // An object of the caller's that throws when it is read, say.
        warnOnce('identify: unreadable')
        return emit('', 'dropped', 'invalid')
      }
    },
    reset: () => {
      start()
      if (!isDecided()) early.reset()
      else if (mayRun()) pipeline!.forget('reset')
    },
    flush: async () => {
      start()
      await pipeline?.flush()
    },
    close: () => {
      leave()
      enter('closed')
      listening.abort()
    },
    consent: (next) => {
      decided = checkOption('consent', next) as Consent
      enter(decided)
      // What an earlier page has stored is erased without a wait.
      if (decided === 'denied') start()
    },
    explain: last,
    on: (_event, listener) => on(listener),
  }
}
