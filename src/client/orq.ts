import { type Contact, isProblem } from '../core/contact.ts'
import { isObject, isSame, toJson } from '../core/json.ts'
import { systemClock } from '../core/ports.ts'
import { checkContact } from './check-contact.ts'
import { createDecisions, type Decision } from './decisions.ts'
import { createEarlyCalls } from './early-calls.ts'
import type { EngineModule } from './engine-context.ts'
import { toContact } from './normalise.ts'
import type { ClientOptions, Consent } from './options.ts'
import type { Client, Door } from './orq-types.ts'
import { dropped, type Outcome, pending } from './outcome.ts'
import { hasPrivacySignal, listenToPage, whenActivated, whenIdle } from './page.ts'
import { createPipeline } from './pipeline.ts'
import type { Pipeline } from './pipeline-types.ts'
import { checkOption, optionTable, type Settings, toSettings } from './settings.ts'
import { shownKey } from './shown-key.ts'
import { createWarnOnce } from './warn-once.ts'

export const createClient = ({ load, guessProxyUrl = () => optionTable.proxyUrl[1] as string }: Door): Client => {
  const { emit, on, last } = createDecisions()
  const warnOnce = createWarnOnce()
  let listening: AbortController | undefined
  const early = createEarlyCalls()
  let given: ClientOptions | undefined
  /** The tag's own `init`, until the first call. */
  let isReplaceable = false
  /** Runs what was called under it. Set while that waits for the page's own `init`. */
  let begin: (() => void) | undefined
  /** The page may be gone in a moment. */
  let isLeft = false
  /** Why the tag's own `init` has failed: '' for what is printed already. */
  let tagProblem: string | undefined
  let settings: Settings | undefined
  let pipeline: Pipeline | undefined
  let state: Consent | 'closed' | undefined
  /** What the person has decided, before `init` or after it. */
  let decided: Consent | undefined
  let isAwaitingInit = false
  let count = 0
  /** The last call: made again with nothing changed, it has the same answer. */
  let memo: { args: unknown; id: string; outcome: Outcome | Promise<Outcome>; holds(): boolean } | undefined

  let chunk: Promise<EngineModule> | undefined
  const loadChunk = (): Promise<EngineModule> => (chunk ??= load(settings?.proxyUrl ?? ''))

  /** What only a developer reads comes with the chunk. */
  const withChunk = (tell: (chunk: EngineModule) => void, otherwise: () => void): unknown =>
    loadChunk().then(tell, otherwise)

  const debug = (decision: Decision): void => {
    if (settings?.debug)
      withChunk(
        ({ describeDecision }) => console.info(describeDecision(decision)),
        () => console.info('orq:', decision.kind, decision.reason),
      )
  }

  const mayRun = (): boolean => state === 'granted'
  const isDecided = (): boolean => state === 'closed' || (!!pipeline && state !== 'pending')

  const decide = (contact: Contact, force: boolean, args?: readonly unknown[]): Outcome | Promise<Outcome> => {
    const id = contact.external_id
    if (!isDecided()) return early.add(contact, force).outcome
    if (!mayRun()) return emit(id, 'dropped', state)
    isReplaceable = false
    const { beforeSend } = settings!
    if (!beforeSend) {
      const mine = ++count
      const known = pipeline!.identify(contact, force)
      const { outcome } = known
      // A listener may have called `identify`.
      if (args && mine === count)
        memo = { args: toJson(args), id, outcome, holds: () => mayRun() && pipeline!.holds(known) }
      return outcome
    }
    let allowed: unknown
    try {
      allowed = beforeSend(contact)
    } catch {
      // Named below.
    }
    const checked = checkContact(allowed)
    if (isProblem(checked)) {
      if (allowed !== null) warnOnce('beforeSend: no contact', 'warn')
      return emit(id, 'dropped', 'before_send')
    }
    // It may have called `consent` or `close`.
    if (!isDecided()) return early.add(contact, force).outcome
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
      pipeline = createPipeline(settings, { mayRun, emit, warnOnce, load: loadChunk })
      enter(state!)
    })
  }

  /** A call that cannot go on yet. */
  const keep = (contact: Contact, force: boolean, args: readonly unknown[]): Promise<Outcome> => {
    // In a task of its own: the page may be about to call `init`.
    if (isReplaceable && !begin) {
      begin = () => {
        begin = undefined
        isReplaceable = false
        start()
        runEarly()
      }
      systemClock.after(0, () => begin?.())
    }
    if (!given && !isAwaitingInit) {
      isAwaitingInit = true
      if (tagProblem) whenIdle(() => given || warnOnce(tagProblem!), systemClock)
      systemClock.after(optionTable.settleMs[1] as number, () => {
        isAwaitingInit = false
        if (given) return
        if (tagProblem === undefined) warnOnce('call orq.init')
        early.settleOpen(pending('timeout'))
      })
    }
    const call = early.add(contact, force)
    memo = { args: toJson(args), id: contact.external_id, outcome: call.outcome, holds: () => call.isOpen }
    // Nothing comes after this task.
    if (isLeft) begin?.()
    return call.outcome
  }

  const take = (args: readonly unknown[]): Outcome | Promise<Outcome> => {
    if (memo && isSame(args, memo.args) && memo.holds()) {
      const { id, outcome } = memo
      if (isDecided()) emit(id, 'status' in outcome ? 'duplicate' : 'joined')
      return outcome
    }
    const [unchecked, force, unknown] = toContact(args, warnOnce)
    const contact = checkContact(unchecked)
    if (isProblem(contact)) {
      const { path, key } = contact
      withChunk(
        ({ describeProblem }) => warnOnce(describeProblem(path, key)),
        () => warnOnce(`identify: ${path} is wrong`),
      )
      return emit('', 'dropped', 'invalid')
    }
    if (unknown[0])
      warnOnce(
        `identify: unknown ${unknown.map(shownKey)}; known are externalId, displayName, email, avatarUrl, tags, metadata`,
        'warn',
      )
    if (given ? !settings : !globalThis.location) return emit(contact.external_id, 'dropped', 'no_page')
    if (!isReplaceable) {
      start()
      if (isDecided()) return decide(contact, force, args)
    }
    return keep(contact, force, args)
  }

  const leave = (): void => {
    isLeft = true
    begin?.()
    pipeline?.leave()
  }

  const wake = (): void => {
    isLeft = false
    pipeline?.wake()
  }

  const init = (options: ClientOptions = {}, isByTag = false): void => {
    if (!isObject(options)) throw RangeError('orq: the options must be an object')
    if (isReplaceable) {
      pipeline?.forget('closed')
      pipeline = undefined
    } else if (given) {
      // Functions are often made anew, and do not count.
      if (!isByTag && JSON.stringify(given) !== JSON.stringify(options)) warnOnce('init twice', 'warn')
      return
    }
    const guessed = options.proxyUrl ? undefined : guessProxyUrl()
    if (isByTag) tagProblem = guessed === '' ? 'set data-proxy-url' : ''
    if (isByTag && tagProblem) return
    settings = toSettings({ ...options, proxyUrl: options.proxyUrl ?? guessed })
    if (!isByTag)
      for (const name of Object.keys(options))
        if (!Object.hasOwn(optionTable, name)) warnOnce(`init: unknown option ${name}`, 'warn')
    given = options
    chunk = undefined
    if (settings?.debug) on(debug)
    isReplaceable = isByTag
    if (!settings) early.settleOpen(dropped('no_page'))
    if (!settings) return warnOnce('no page: give an absolute proxyUrl', 'warn')
    // What the person has said counts more than a signal of the browser, and that more than the option.
    state = decided ?? (settings.respectPrivacySignals && hasPrivacySignal() ? 'denied' : settings.consent!)
    if (!listening) {
      listening = new AbortController()
      listenToPage(leave, wake, listening.signal)
    }
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
      listening?.abort()
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
