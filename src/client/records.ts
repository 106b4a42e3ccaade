import type { Contact } from '../core/contact.ts'
import { hash, randomId } from '../core/hash.ts'
import type { Ledger } from '../core/ledger.ts'
import type { KeyValueStore } from '../core/ports.ts'
import type { Settings } from './options.ts'

/** A field that waits: its value as JSON, when it was called (milliseconds since the epoch), and 1 when it is forced. */
export type Waiting = [json: string, calledAt: number, force: 1 | 0]

export interface WaitingFields {
  [field: string]: Waiting
}

/** What the ledger holds. The names are those of the stored JSON. */
interface StoredLedger {
  /** Random; never leaves the browser. */
  id: string
  salt: string
  /** Changes with every `reset`. */
  epoch: string
  /** The last number. Calls and bodies share them, so that each is later than all that this browser knows of. */
  last: number
  /** By hashed id, oldest first. */
  seen: { [key: string]: Ledger }
}

/** A call as it came: kept by a page whose engine has not joined it to what waits yet. */
export type KeptCall = [Contact, calledAt: number, force: boolean]

/** What the outbox holds. */
interface StoredOutbox {
  unsent: ([id: string, WaitingFields] | KeptCall)[]
  /**
   * Nothing is tried between the first time and the two others. News cut the second short, nothing the third: a server
   * has named it. A clock that shows less than the first has been set back since, and none means anything.
   */
  pause: [failedAt: number, notBefore: number, retryAfter: number]
}

/** What one browser knows of one proxy. Read it, change it and save it without awaiting in between. */
export type Records = StoredLedger & StoredOutbox

export interface RecordsStore {
  /** The newest state, another tab's writes included. */
  recall(): Records
  save(): void
  /** Writes one of both, the ledger (0) or the outbox (1); without a value removes it. */
  put(n: 0 | 1, value?: object): void
  /** Empties both under a new epoch and salt. Erased, nothing stays; else browser id and last number do. */
  renew(isErased: boolean): void
  /** Changes with every call that waits and every acknowledgement, another tab's too. */
  stamp(): string | undefined
}

/** localStorage as a port: never throws. Denied or full, it keeps nothing. */
export const browserStorage = (): KeyValueStore => {
  // Documents only: Node 25 has a localStorage that warns, and workers have none.
  const local = (): Storage => document.defaultView!.localStorage
  return {
    get: (key) => {
      try {
        return local().getItem(key) ?? undefined
      } catch {
        return undefined
      }
    },
    set: (key, value) => {
      try {
        // First: a full storage would keep a stale value, and that would bring back what has been sent.
        local().removeItem(key)
        if (value) local().setItem(key, value)
      } catch {}
    },
  }
}

/** Salted with the version of the format. */
const checksum = (json: string): string => hash('1', json)

const blankOutbox = (): StoredOutbox => ({ unsent: [], pause: [0, 0, 0] })

/** The two values that a browser keeps per proxy: `orq.ledger.*` and `orq.outbox.*`. */
export const createRecords = ({ storage = browserStorage(), proxyUrl, outbox }: Settings): RecordsStore => {
  const keys = ['ledger', 'outbox'].map((name) => `orq.${name}.${hash('', proxyUrl)}`)
  const forgetsOutbox = outbox === 'memory'
  /** What was last read or written, and whether that lives here alone. */
  const texts: (string | undefined)[] = []
  const isMemory = [false, forgetsOutbox]
  let records: Records | undefined

  const textOf = (n: 0 | 1): string | undefined => (isMemory[n] ? texts[n] : storage.get(keys[n]!))

  const blank = (epoch: string) => ({ salt: randomId(), epoch, seen: {}, ...blankOutbox() })

  const load = (n: 0 | 1, absent: Partial<Records>): void => {
    const text = textOf(n)
    if (text === texts[n]) return
    texts[n] = text
    const json = (text ?? '').slice(16)
    // What does not begin with its checksum is none of ours, and stands for nothing.
    Object.assign(records!, absent, text === checksum(json) + json && JSON.parse(json))
  }

  const put = (n: 0 | 1, value?: object): void => {
    const json = JSON.stringify(value)
    const text = value && checksum(json) + json
    texts[n] = text
    if (n && forgetsOutbox) return
    storage.set(keys[n]!, text)
    // Denied, full or lying: then memory serves until the next write.
    isMemory[n] = storage.get(keys[n]!) !== text
  }

  const recall = (): Records => {
    records ??= { id: randomId(), last: 0, ...blank('') }
    const { last } = records
    // When the ledger vanishes under a running page its ids go on.
    load(0, { seen: {} })
    load(1, blankOutbox())
    records.last = Math.max(records.last, last)
    return records
  }

  const save = (): void => {
    const { unsent, pause, ...ledger } = records!
    put(0, ledger)
    put(1, unsent[0] && { unsent, pause })
  }

  return {
    recall,
    save,
    put,
    // The ledger's text alone: every call takes a number, and it holds the last.
    stamp: () => textOf(0),
    renew: (isErased) => {
      Object.assign(recall(), blank(randomId()), isErased && { id: randomId() })
      save()
      if (isErased) put(0)
    },
  }
}

/** The ledger of one contact, made when there is none, and moved behind the others: the oldest are pruned first. */
export const ledgerOf = ({ seen, salt }: Records, id: string): Ledger => {
  const key = hash(salt, id)
  const ledger = seen[key] ?? {}
  delete seen[key]
  seen[key] = ledger
  return ledger
}

/** The present time, or one more than the last number: a device's clock may be set back. */
export const nextNumber = (records: Records, now: number): number => {
  records.last = Math.max(records.last + 1, now)
  return records.last
}
