import { copyContact, isProblem } from '../core/contact.ts'
import { hash, randomId } from '../core/hash.ts'
import { toText } from '../core/json.ts'
import type { Ledger, LedgerEntry } from '../core/ledger.ts'
import { browserStorage } from './browser-storage.ts'
import type { Settings } from './settings.ts'
import { isEmpty, type WaitingField, type WaitingFields } from './waiting-fields.ts'

/** What one browser knows of one proxy. Read it, change it and save it without awaiting in between. */
export interface State {
  /** Random; never leaves the browser. */
  id: string
  salt: string
  /** Changes with every `reset`. */
  session: string
  /** The last number. Calls and bodies share them, so that each is later than all that this browser knows of. */
  last: number
  /** The ledger, by hashed id, oldest first. */
  seen: { [key: string]: Ledger }
  /** The outbox: what is not acknowledged, by id. */
  outbox: Map<string, WaitingFields>
  /** Ids in the outbox for whom no token came at their last attempt: not tried again until they are identified. */
  held: Set<string>
  /**
   * Nothing is tried between the first time and the two others. News cut the second short, nothing the third: a server
   * has named it. A clock that shows less than the first has been set back since, and none means anything.
   */
  pause: Pause
}

export type Pause = [failedAt: number, notBefore: number, retryAfter: number]

export interface StateStore {
  /** The newest state, another tab's writes included. */
  read(): State
  save(): void
  /** Saves, of many contacts at the end of this task: a loop over them writes once. */
  keep(): void
  /** Empties both under a new session and salt. Erased, nothing stays; else browser id and last number do. */
  renew(isErased: boolean): void
  /** Changes with every call that waits and every acknowledgement, another tab's too. */
  revision(): string | undefined
}

/** As long as a Retry-After may ask for. */
const longestWaitMs = 36e5
/** How many contacts the ledger remembers. */
const maxSeen = 20
/** How many contacts the outbox stores. */
export const maxStored = 500
/** A loop over more contacts than that writes once. */
const manyContacts = 20

/** Numbers of updates are times too: at most 15 digits on the wire, with room for those to come. */
export const isTime = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 9.5e14
const isText = (value: unknown): boolean => typeof value === 'string'

const blankOutbox = (): Pick<State, 'outbox' | 'held' | 'pause'> => ({
  outbox: new Map(),
  held: new Set(),
  pause: [0, 0, 0],
})

/** What is not of the right shape stands for nothing. Entries of a ledger are looked at when they are asked for. */
const parseLedger = (stored: unknown): Partial<State> => {
  const { id, salt, session, last, seen } = Object(stored) as State
  return [id, salt, session].every(isText) && isTime(last)
    ? { id, salt, session, last, seen: Object(seen) }
    : { seen: {} }
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

/** @returns undefined where it is none, or is no contact's field */
const parseField = (id: string, name: string, stored: unknown): WaitingField | undefined => {
  try {
    const [json, calledAt, force] = listOf(stored) as WaitingField
    const contact = copyContact({ external_id: id, [name]: JSON.parse(json) })
    return !isProblem(contact) && contact.external_id === id && isTime(calledAt)
      ? [toText(contact[name as 'email']), calledAt, force ? 1 : 0]
      : undefined
  } catch {
    return undefined
  }
}

/** The same, and without what was called before `since`; `onLoss` hears of that. */
const parseOutbox = (stored: unknown, since: number, onLoss: () => void): Partial<State> => {
  const state = blankOutbox()
  const { unsent, pause } = Object(stored) as Record<string, unknown>
  const times = listOf(pause).filter(isTime)
  // No server is waited for longer than an hour.
  if (times.length === 3 && times.every((time) => time <= times[0]! + longestWaitMs)) state.pause = times as Pause
  for (const entry of listOf(unsent)) {
    const [id, stored, isHeld] = listOf(entry) as [string, unknown, unknown]
    const fields: WaitingFields = {}
    for (const [name, one] of Object.entries(Object(stored))) {
      const field = parseField(id, name, one)
      if (field && field[1] > since) fields[name] = field
      else onLoss()
    }
    if (isEmpty(fields)) continue
    state.outbox.set(id, fields)
    if (isHeld) state.held.add(id)
  }
  return state
}

/** Of this form of both values: another release of this package has keys of its own. */
const version = 2

/** The two values that a browser keeps per proxy: `orq.2.ledger.*` and `orq.2.outbox.*`. */
export const createStateStore = (settings: Settings): StateStore => {
  const { storage = browserStorage(), proxyUrl, outbox, clock, outboxTtlMs } = settings
  const keys = ['ledger', 'outbox'].map((name) => `orq.${version}.${name}.${hash('', proxyUrl)}`)
  /** What was last read or written, and whether that lives here alone. */
  const texts: (string | undefined)[] = []
  const isMemory = [false, outbox === 'memory']
  let state: State | undefined
  let isUnsaved = false

  const textOf = (n: 0 | 1): string | undefined => (isMemory[n] ? texts[n] : storage.get(keys[n]!))

  /** What is stored, where it has changed since. What has another checksum stands for nothing. */
  const load = <T>(n: 0 | 1, parse: (stored: unknown) => T): T | undefined => {
    const text = textOf(n)
    if (text === texts[n]) return undefined
    texts[n] = text
    const json = `${text}`.slice(16)
    try {
      return parse(text === hash('', json) + json && JSON.parse(json))
    } catch {
      return parse(0)
    }
  }

  const put = (n: 0 | 1, value?: object): void => {
    const json = value && toText(value)
    const text = json && hash('', json) + json
    texts[n] = text
    if (n && outbox === 'memory') return
    storage.set(keys[n]!, text)
    // Denied, full or lying: then memory serves until the next write.
    isMemory[n] = storage.get(keys[n]!) !== text
  }

  const blank = (session: string) => ({ salt: randomId(), session, seen: {}, ...blankOutbox() })

  /** At the end of this task, unless all is erased before. */
  const saveLater = (): void => {
    if (!isUnsaved) queueMicrotask(() => isUnsaved && save())
    isUnsaved = true
  }

  const read = (): State => {
    state ??= { id: randomId(), last: 0, ...blank('') }
    if (isUnsaved) return state
    const { last } = state
    // When the ledger vanishes under a running page its ids go on.
    Object.assign(
      state,
      load(0, parseLedger),
      load(1, (stored) => parseOutbox(stored, clock.now() - outboxTtlMs, saveLater)),
    )
    state.last = Math.max(state.last, last)
    return state
  }

  const save = (): void => {
    isUnsaved = false
    const { outbox: waiting, held, pause, ...ledger } = state!
    const entries = Object.entries(ledger.seen).filter(([, one]) => !isEmpty(Object(one)))
    ledger.seen = state!.seen = Object.fromEntries(entries.slice(-maxSeen))
    for (const [id, fields] of waiting) if (isEmpty(fields)) waiting.delete(id)
    const unsent = [...waiting].slice(0, maxStored).map(([id, fields]) => [id, fields, held.has(id)])
    // If nothing was sent, delete both keys. After a reset keep them, so that other tabs see the new session.
    put(0, entries[0] || unsent[0] || ledger.session ? ledger : undefined)
    put(1, unsent[0] && { unsent, pause })
  }

  return {
    read,
    save,
    keep: () => {
      if (state!.outbox.size < manyContacts) save()
      else saveLater()
    },
    // The ledger's text alone: every call takes a number, and it holds the last.
    revision: () => textOf(0),
    renew: (isErased) => {
      Object.assign(read(), blank(randomId()), isErased && { id: randomId() })
      isUnsaved = false
      // What a page with another setting has left.
      if (outbox === 'memory') storage.set(keys[1]!, undefined)
      if (isErased) {
        put(0)
        put(1)
      } else if (texts.some(Boolean)) save()
    },
  }
}

/** The ledger of one contact, made when there is none, and moved behind the others: the oldest are pruned first. */
export const ledgerOf = ({ seen, salt, last }: State, id: string): Ledger => {
  const key = hash(salt, id)
  const ledger: Ledger = {}
  for (const [field, entry] of Object.entries(Object(seen[key])))
    if (Array.isArray(entry) && isTime(entry[1]) && isTime(entry[2]) && entry[2] <= last)
      ledger[field] = entry as LedgerEntry
  delete seen[key]
  seen[key] = ledger
  return ledger
}

/** The present time, or one more than the last number: a device's clock may be set back. */
export const nextNumber = ({ last }: State, now: number): number => Math.max(last + 1, Math.floor(now))

/** How long nothing is tried, in milliseconds; 0 or less: now. A clock that was set back since ends it. */
export const pauseLeftMs = ({ pause: [failedAt, ...untils] }: State, now: number): number =>
  now < failedAt ? 0 : Math.max(...untils) - now
