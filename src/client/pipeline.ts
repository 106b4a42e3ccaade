import { byteLength, type Contact } from '../core/contact.ts'
import { hash } from '../core/hash.ts'
import { isAcknowledged, markSent } from '../core/ledger.ts'
import type { Fetch } from '../core/ports.ts'
import { contactsPath, updateIdHeader } from '../core/wire.ts'
import type { createEngine, Engine } from './engine.ts'
import { type Call, covers, hasUnsent, joinFields, type Line, toBody } from './line.ts'
import type { Settings } from './options.ts'
import { type DroppedReason, dropped, type Outcome, type PendingReason, pending } from './outcome.ts'
import { isOffline } from './page.ts'
import { ledgerOf, type RecordsStore, type WaitingFields } from './records.ts'
import type { Token, Tokens } from './tokens.ts'

export type LoadEngine = () => Promise<typeof createEngine>

/** A body on the wire. */
export interface Flight {
  line: Line
  fields: WaitingFields
  number: number
  response: Promise<Response>
}

/** What the client gives the pipeline. */
export interface PipelineParts {
  settings: Settings
  store: RecordsStore
  tokens: Tokens
  /** False while consent is not given or after `close`. */
  mayRun(): boolean
  emit(id: string, kind: string, reason?: string): void
  say(text: string, isWarning?: boolean): void
}

/** What the pipeline gives the engine. */
export interface Shared extends PipelineParts {
  lines: Map<string, Line>
  /** The person of the last call on this page. */
  person: string | undefined
  /** What a call is told that has waited long enough. */
  lastFailure: PendingReason
  /** Nothing is tried before this time: like the outbox's not-before, but on this page alone, and by the monotonic clock. */
  quietUntil: number
  /** How long nothing may be tried yet. */
  waitMs(): number
  lineOf(id: string): Line
  speaksFor(token: Token, id: string): boolean
  /**
   * Joins what is stored in, and leaves out what another tab has sent or called later. Without the lock another tab may
   * be sending what is stored: then only our own stays.
   */
  refresh(line: Line, isLocked?: boolean): void
  /** Numbers a body, takes its fields out of the ledger, and posts it. Without `send` as a page does that is left. */
  launch(line: Line, fields: WaitingFields, token: Token, send?: Fetch): Flight | undefined
  /** Ends the calls that this request carries; with 0 those that none does, without a number all. */
  settle(line: Line, outcome: Outcome, carrier?: number): void
}

/** The way of a contact from its call to the wire. What comes after, and when, is the engine's, loaded when needed. */
export interface Pipeline {
  /** @returns the outcome, or until when a duplicate stays one, in milliseconds since the epoch */
  identify(contact: Contact, force: boolean): Outcome | Promise<Outcome> | number
  /** Takes up what an earlier page left in the outbox. */
  resume(): void
  /** Sends at once what needs no waiting: the page may be gone in a moment. */
  leave(): void
  /** Ends a back-off that no server ordered. */
  wake(): void
  /** Resolves when nothing can be sent now. Without a document no retry follows by itself. */
  flush(): Promise<unknown>
  /** Forgets what waits; its calls end as `dropped` with this reason. */
  forget(reason: DroppedReason): void
}

// Browsers share 64 KiB among all keepalive bodies of a page: ours leave most of it to others.
const maxKeepaliveBytes = 16_384

export const createPipeline = (parts: PipelineParts, load: LoadEngine): Pipeline => {
  const { settings, store, tokens, emit } = parts
  const { clock, dedupeTtlMs, settleMs, debounceMs, proxyUrl, fetch } = settings
  const lines = new Map<string, Line>()
  let loading: Promise<Engine> | undefined
  let engine: Engine | undefined

  /** Runs a task of the engine as soon as that is here. Without it the bare fetch sends once, unheard. */
  const use = (task: (engine: Engine) => unknown): Promise<unknown> => {
    loading ??= load().then((create) => {
      engine = create(shared)
      return engine
    })
    return loading.then(task, () => clock.after(debounceMs, () => tokens.ask().then(sendNow)))
  }

  const settle: Shared['settle'] = ({ id, calls }, outcome, carrier) => {
    emit(id, outcome.status, outcome.reason)
    for (const call of calls) if (carrier === undefined || call.carrier === carrier) call.end(outcome)
  }

  const drop = (line: Line, reason: DroppedReason): void => {
    lines.delete(line.id)
    // Only a close gives up on what is on the wire: otherwise its real outcome is about to come.
    settle(line, dropped(reason), reason === 'closed' ? undefined : 0)
  }

  const lineOf = (id: string): Line => {
    const { epoch } = store.read()
    let line = lines.get(id)
    // Another tab has reset: what waited here belonged to the session before.
    if (line && line.epoch !== epoch) line = drop(line, 'reset') as undefined
    line ??= { id, epoch, fields: {}, carriers: {}, calls: new Set(), sent: [] }
    lines.set(id, line)
    return line
  }

  const waitMs = (): number => {
    const { notBefore, retryAfter, failedAt } = store.read()
    const now = clock.now()
    const left = now < failedAt ? 0 : Math.max(notBefore, retryAfter) - now
    return Math.max(left, shared.quietUntil - clock.monotonic())
  }

  const speaksFor = (token: Token, id: string): boolean => (token.subject ?? shared.person) === id

  const launch: Shared['launch'] = (line, given, { text }, send) => {
    const { id } = line
    const records = store.read()
    const fields: WaitingFields = { external_id: [JSON.stringify(id), 0, 0], ...given }
    const body = toBody(fields)
    const keepalive = byteLength(body) <= maxKeepaliveBytes
    if (!send && !keepalive) return undefined
    const number = line.sent[0] === body ? line.sent[1]! : Math.max(records.lastNumber + 1, clock.now())
    const ledger = ledgerOf(records, id)
    let force = ''
    line.sent = [body, number]
    records.lastNumber = Math.max(records.lastNumber, number)
    for (const field in fields) {
      markSent(ledger, field, fields[field]![1])
      if (fields[field]![2]) force = '.force'
      line.carriers[field] = number
    }
    if (given === line.fields) for (const call of line.calls) call.carrier = number
    records.outbox.set(id, joinFields(records.outbox.get(id), line.fields))
    store.save()
    emit(id, 'sent')
    // Asynchronous, so that a patched fetch which throws rejects; runs at once, while the page is still there.
    const post = async (): Promise<Response> =>
      (send ?? fetch)(proxyUrl + contactsPath, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${text}`,
          'content-type': 'application/json',
          [updateIdHeader]: `${hash(records.browserId, id)}.${number}${force}`,
        },
        body,
        keepalive,
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error',
      })
    const response = post()
    // Nobody may be there to hear it.
    response.catch(() => {})
    return { line, fields, number, response }
  }

  const refresh: Shared['refresh'] = (line, isLocked) => {
    const records = store.read()
    const own = line.fields
    const stored = records.outbox.get(line.id) ?? {}
    const ledger = ledgerOf(records, line.id)
    const joined = joinFields(stored, own)
    line.fields = {}
    for (const field in joined) {
      const waiting = joined[field]!
      const known = ledger[field]
      const isKnown = isAcknowledged(known, hash(records.salt, waiting[0]), clock.now(), dedupeTtlMs)
      if (!isLocked && own[field] !== waiting) continue
      if ((known?.[2] ?? 0) <= waiting[1] && (waiting[2] || !isKnown)) line.fields[field] = waiting
      else {
        delete stored[field]
        // So that a tab which waits with an older call knows that it is older.
        known![2] = Math.max(known![2], waiting[1])
      }
    }
  }

  /** Sends what the token at hand speaks for; synchronous until `fetch` has been called. */
  const sendNow = (): void => {
    const token = tokens.peek()
    if (!token || isOffline(proxyUrl) || waitMs() > 0) return
    const { epoch } = store.read()
    for (const line of lines.values()) {
      if (!speaksFor(token, line.id) || line.epoch !== epoch || !hasUnsent(line)) continue
      refresh(line)
      const flight = hasUnsent(line) && launch(line, line.fields, token)
      if (flight) use((engine) => engine.land(flight))
    }
  }

  const identify: Pipeline['identify'] = (contact, force) => {
    const id = contact.external_id
    if (id !== shared.person) {
      sendNow()
      shared.person = id
      if (tokens.peek()?.subject !== id) tokens.discard()
    }
    const records = store.read()
    const line = lineOf(id)
    const ledger = ledgerOf(records, id)
    const waiting = joinFields(records.outbox.get(id), line.fields)
    const now = clock.now()
    const fields: { [field: string]: string } = {}
    let calledAt = now
    let until = 1 / 0
    for (const field in contact) {
      const json = JSON.stringify(contact[field as keyof Contact])
      const known = ledger[field]
      const other = waiting[field]
      const digest = hash(records.salt, json)
      const isKnown = isAcknowledged(known, digest, now, dedupeTtlMs)
      fields[field] = json
      // A call is later than all that it can see, whatever the device's clock does.
      calledAt = Math.max(calledAt, (known?.[2] ?? 0) + 1, (other?.[1] ?? 0) + 1)
      until = Math.min(until, isKnown && (other?.[0] ?? json) === json ? known![1] + dedupeTtlMs : 0)
      // Known but expired: somebody else may have changed it, and the proxy's own ledger must not call it unchanged.
      if (!isKnown && known?.[0] === digest) force = true
    }
    if (until > 0 && !force) {
      emit(id, 'duplicate')
      if (!Object.keys(line.fields)[0]) lines.delete(id)
      return until
    }
    for (const field in fields) {
      const own = line.fields[field]
      line.fields[field] = [fields[field]!, calledAt, force || own?.[2] ? 1 : 0]
      if (covers(own, line.fields[field])) continue
      line.carriers[field] = 0
      shared.quietUntil = records.notBefore = 0
    }
    records.outbox.set(id, joinFields(records.outbox.get(id), line.fields))
    store.save()
    for (const { carrier } of line.calls)
      if (!carrier) {
        emit(id, 'joined')
        break
      }
    if (isOffline(proxyUrl)) {
      emit(id, 'pending', 'offline')
      return pending('offline')
    }
    // Beside the debounce, so that leaving the page finds the token at hand.
    if (waitMs() <= 0) tokens.ask()
    use((engine) => engine.wait(line))
    return new Promise((resolve) => {
      const call: Call = {
        carrier: 0,
        end: (outcome) => {
          cancel()
          line.calls.delete(call)
          resolve(outcome)
        },
      }
      const cancel = clock.after(settleMs, () => {
        emit(id, 'pending', shared.lastFailure)
        call.end(pending(shared.lastFailure))
      })
      line.calls.add(call)
    })
  }

  const shared: Shared = {
    ...parts,
    lines,
    person: undefined,
    lastFailure: 'timeout',
    quietUntil: 0,
    waitMs,
    lineOf,
    speaksFor,
    refresh,
    launch,
    settle,
  }

  return {
    identify,
    resume: () => {
      if (store.read().outbox.size) use((engine) => engine.resume())
    },
    leave: () => {
      engine?.leave()
      sendNow()
    },
    wake: () => {
      if (!lines.size) return
      shared.quietUntil = store.read().notBefore = 0
      use((engine) => engine.wake())
    },
    flush: async () => loading && use((engine) => engine.flush()),
    forget: (reason) => {
      engine?.stop()
      for (const line of lines.values()) drop(line, reason)
      shared.person = undefined
      shared.quietUntil = 0
      tokens.discard()
      if (reason === 'reset') store.startOver()
      if (reason === 'denied') store.erase()
    },
  }
}
