import type { Contact } from '../core/contact.ts'
import { hash } from '../core/hash.ts'
import { isAcknowledged, markSent } from '../core/ledger.ts'
import { contactsPath } from '../core/wire.ts'
import { contractVersion } from './contract.ts'
import type { Emit, Say } from './decisions.ts'
import type { createEngine, Engine } from './engine.ts'
import type { Settings } from './options.ts'
import type { DroppedReason, Outcome, PendingReason } from './outcome.ts'
import { isOffline } from './page.ts'
import { createRecords, ledgerOf, nextNumber, type RecordsStore } from './records.ts'
import { createTokens, type Token, type Tokens } from './tokens.ts'

/** What the chunk exports. Not to be trusted before its version has been compared: it may be of another build. */
export interface EngineModule {
  contractVersion: number
  createEngine: typeof createEngine
}

/** @param proxyUrl where the chunk may be, if not beside the code that asks for it */
export type LoadEngine = (proxyUrl: string) => Promise<EngineModule>

/** A body on the wire: its number, and the answer to come. */
export interface Post {
  serial: number
  reply: Promise<Response>
}

/** A body to be sent, for whom, under which number. */
export interface Parcel {
  id: string
  body: string
  serial: number
  force: unknown
}

/** A call that the engine has not taken yet. */
export interface Intake {
  contact: Contact
  calledAt: number
  force: boolean
  /** Of the session that it belongs to. */
  epoch: string
  end(outcome: Outcome): void
  /** Sent already, by a page that was left before the engine came. */
  post?: Post
}

/** What the client gives to both halves. */
export interface Parts {
  /** False while consent is not given or after `close`. */
  mayRun(): boolean
  emit: Emit
  say: Say
}

/** What the core gives to the engine. */
export interface Shared extends Parts, Settings {
  store: RecordsStore
  tokens: Tokens
  /** The person of the last call on this page: whom an opaque token speaks for. */
  person?: string | undefined
  /** What a call is told that has waited long enough. */
  lastFailure: PendingReason
  speaksFor(token: Token, id: string): boolean
  /** Calls `send`, by default the bare `fetch`, before it returns. */
  post(parcel: Parcel, token: Token, send?: Send): Post
}

/** Sends a request to a path below the proxy. */
export type Send = (path: string, init: RequestInit) => Promise<Response>

/** Takes calls in: tells duplicates, keeps the others safe, and has the engine loaded that does everything else. */
export interface Pipeline {
  /** Changes with every call that waits and every acknowledgement. */
  stamp(): string | undefined
  /** @returns the outcome, or for how long it is a duplicate, in milliseconds */
  identify(contact: Contact, force: boolean): Promise<Outcome> | number
  /** Takes up what an earlier page left in the outbox. */
  resume(): void
  /** Sends at once what needs no waiting: the page may be gone in a moment. */
  leave(): unknown
  /** Ends a back-off that no server ordered. */
  wake(): unknown
  /** Resolves when nothing can be sent now. Without a document no retry follows by itself. */
  flush(): Promise<void>
  /** Forgets what waits; its calls end as `dropped` with this reason. */
  forget(reason: DroppedReason): void
}

/** At most 16 KiB: browsers share 64 among all keepalive bodies of a page, and ours leave most of it to others. */
export const outlivesPage = (body: string): boolean => new Blob([body]).size < 16_385

export const createPipeline = (settings: Settings, parts: Parts, load: LoadEngine): Pipeline => {
  const { clock, dedupeTtlMs = 864e5, settleMs = 12e3, debounceMs = 250, proxyUrl, fetch } = settings
  const { emit, mayRun, say } = parts
  const store = createRecords(settings)
  const tokens = createTokens(settings)
  const intakes: Intake[] = []
  let engine: Engine | undefined
  let loading: Promise<void> | undefined

  const speaksFor = (token: Token, id: string): boolean => (token.subject ?? shared.person) === id

  /** The request of an update: the same through ky and through the bare `fetch` of a page that is being left. */
  const requestOf = ({ id, body, serial, force }: Parcel, { bearer }: Token): RequestInit => ({
    method: 'POST',
    headers: {
      authorization: `Bearer ${bearer}`,
      'content-type': 'application/json',
      'orq-update-id': `${hash(store.recall().id, id)}.${serial}${force ? '.force' : ''}`,
    },
    body,
    keepalive: outlivesPage(body),
    credentials: 'omit',
    redirect: 'manual',
  })

  const sendBare: Send = (path, init) => fetch(proxyUrl + path, init)

  const post: Shared['post'] = (parcel, token, send = sendBare) => {
    // Asynchronous, so that a patched fetch which throws rejects; runs at once, while the page is still there.
    const run = async (): Promise<Response> => send(contactsPath, requestOf(parcel, token))
    const reply = run()
    // Nobody may be there to hear it.
    reply.catch(() => {})
    return { serial: parcel.serial, reply }
  }

  /** Sends what the token at hand speaks for, with or without the engine. */
  const sendNow = (): void => {
    if (engine) return engine.sendNow()
    const token = tokens.held
    const records = store.recall()
    // The engine knows better: a clock may have been set back, and news cut some pauses short.
    if (!token || isOffline(proxyUrl) || Math.max(...records.pause) > clock.now()) return
    for (const intake of intakes) {
      const { contact, calledAt, force, epoch } = intake
      const id = contact.external_id
      const ledger = ledgerOf(records, id)
      const body = JSON.stringify(contact)
      if (intake.post || epoch !== records.epoch || !speaksFor(token, id) || !outlivesPage(body)) continue
      // Another tab has called later: which of both is the newer value of a field the engine tells, at the next visit.
      if (Object.values(ledger).some((known) => known[2] > calledAt)) continue
      for (const field of Object.keys(contact)) markSent(ledger, field, calledAt)
      store.save()
      emit(id, 'sent')
      intake.post = post({ id, body, serial: calledAt, force }, token)
    }
  }

  const makeEngine = async (): Promise<Engine> => {
    const chunk = await load(proxyUrl)
    if (chunk.contractVersion !== contractVersion) throw Error('transport.js is of another build')
    return chunk.createEngine(shared)
  }

  /** Loads the engine. A failed import is remembered by browsers for the life of the page: then the bare fetch sends. */
  const start = (): Promise<void> => {
    loading ??= makeEngine()
      .then((made) => {
        engine = made
        for (const intake of intakes) engine.take(intake)
        intakes.length = 0
        engine.resume()
      })
      .catch(() => {
        loading = engine = undefined
        say('transport.js cannot be loaded, or is of another build: updates are sent without it', 'warn')
        shared.lastFailure = 'unreachable'
        // Nobody else looks whether the token has expired.
        tokens.discard()
        clock.after(debounceMs, () => tokens.ask().then(sendNow))
      })
    return loading
  }

  const resume = (isNews?: boolean): void => {
    if (engine) engine.resume(isNews)
    else if (store.recall().unsent[0]) start()
  }

  const identify: Pipeline['identify'] = (contact, force) => {
    const id = contact.external_id
    if (id !== shared.person) {
      sendNow()
      shared.person = id
      if (tokens.held?.subject !== id) tokens.discard()
    }
    const now = clock.now()
    const records = store.recall()
    const ledger = ledgerOf(records, id)
    // With anything waiting or on the wire the engine tells whether it is different.
    const isNobody = /^\s*(undefined|null|false)?$/.test(id)
    let leftMs = isNobody || force || records.unsent[0] || engine?.isBusy() ? 0 : 1 / 0
    for (const field of Object.keys(contact)) {
      const known = ledger[field]
      const digest = hash(records.salt, JSON.stringify(contact[field as keyof Contact]))
      leftMs = isAcknowledged(known, digest, now, dedupeTtlMs) ? Math.min(leftMs, known![1] + dedupeTtlMs - now) : 0
    }
    if (leftMs) return leftMs
    return new Promise((resolve) => {
      const end = (outcome: Outcome): void => {
        cancel()
        resolve(outcome)
      }
      const cancel = clock.after(settleMs, () => end(emit(id, 'pending', shared.lastFailure)))
      const intake: Intake = { contact, calledAt: nextNumber(records, now), force, epoch: records.epoch, end }
      if (engine) return engine.take(intake)
      intakes.push(intake)
      records.unsent.push([contact, intake.calledAt, force])
      // What names nobody is kept nowhere: the engine will say why.
      if (!isNobody) store.save()
      if (isOffline(proxyUrl)) return end(emit(id, 'pending', 'offline'))
      // Beside the engine and the debounce, so that leaving the page finds the token at hand.
      tokens.ask()
      start()
    })
  }

  const shared: Shared = { ...settings, ...parts, store, tokens, lastFailure: 'timeout', speaksFor, post }

  return {
    stamp: store.stamp,
    identify,
    resume,
    leave: () => mayRun() && sendNow(),
    wake: () => mayRun() && resume(true),
    flush: async () => {
      await loading
      await engine?.flush()
    },
    forget: (reason) => {
      engine?.forget(reason)
      for (const { contact, end } of intakes.splice(0)) end(emit(contact.external_id, 'dropped', reason))
      shared.person = undefined
      tokens.discard()
      if (reason !== 'closed') store.renew(reason === 'denied')
    },
  }
}
