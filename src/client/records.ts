import type { Contact } from '../core/contact.ts'
import { hash, randomId } from '../core/hash.ts'
import type { Ledger } from '../core/ledger.ts'
import type { KeyValueStore } from '../core/ports.ts'

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
  seen: [key: string, Ledger][]
}

/** What the outbox holds. */
interface StoredOutbox {
  /** Calls as they came, until the engine has joined them to what waits. */
  calls: [Contact, calledAt: number, force: boolean][]
  /** By id. */
  unsent: [id: string, WaitingFields][]
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
  /** Empties both under a new epoch and salt. Erased, nothing stays; else browser id and last number do. */
  renew(isErased: boolean): void
  /** Changes whenever anything has been written. */
  stamp(): string
}

/** localStorage as a port: never throws, and goes on in memory where it is denied, full or lying. */
export const browserStorage = (): KeyValueStore => {
  const memory = new Map<string, string>()
  const use = (method: 'getItem' | 'setItem' | 'removeItem', ...args: [string, string?]): string | undefined => {
    try {
      // Documents only: Node 25 has a localStorage that warns, and workers have none.
      return (document.defaultView!.localStorage[method] as (...args: unknown[]) => string | null)(...args) ?? undefined
    } catch {
      return undefined
    }
  }
  return {
    get: (key) => memory.get(key) ?? use('getItem', key),
    set: (key, value) => {
      memory.delete(key)
      // First: a full storage would keep a stale value, and that would bring back what has been sent.
      use('removeItem', key)
      if (value === undefined) return
      use('setItem', key, value)
      if (use('getItem', key) !== value) memory.set(key, value)
    },
  }
}

/** True when something is kept for a later attempt. */
export const isWaiting = ({ calls, unsent }: StoredOutbox): boolean => calls.length + unsent.length > 0

/** Salted with the version of the format. */
const checksum = (json: string): string => hash('1', json)

const blankOutbox = (): StoredOutbox => ({ calls: [], unsent: [], pause: [0, 0, 0] })

/** The two values that a browser keeps per proxy: `orq.ledger.*` and `orq.outbox.*`. */
export const createRecords = (storage: KeyValueStore, scope: string, keepsOutbox: boolean): RecordsStore => {
  const stores = [storage, keepsOutbox ? storage : new Map<string, string | undefined>()] as const
  const keys = ['ledger', 'outbox'].map((name) => `orq.${name}.${hash('', scope)}`)
  const texts: (string | undefined)[] = []
  let records: Records | undefined

  const textOf = (n: 0 | 1): string | undefined => stores[n].get(keys[n]!)

  const fresh = (epoch: string): Records => ({
    id: randomId(),
    salt: randomId(),
    epoch,
    last: 0,
    seen: [],
    ...blankOutbox(),
  })

  const load = (n: 0 | 1, blank: Partial<Records>): void => {
    const text = textOf(n)
    if (text === texts[n]) return
    texts[n] = text
    const json = text?.slice(16) ?? ''
    // What does not begin with its checksum is none of ours, and stands for nothing.
    Object.assign(records!, blank, text === checksum(json) + json && JSON.parse(json))
  }

  const put = (n: 0 | 1, value?: object | false): void => {
    const json = JSON.stringify(value)
    texts[n] = value ? checksum(json) + json : undefined
    stores[n].set(keys[n]!, texts[n])
  }

  const recall = (): Records => {
    records ??= fresh('')
    const { last } = records
    // When the ledger vanishes under a running page its ids go on.
    load(0, { seen: [] })
    load(1, blankOutbox())
    records.last = Math.max(records.last, last)
    return records
  }

  const save = (): void => {
    const { id, salt, epoch, last, seen, ...outbox } = records!
    put(0, { id, salt, epoch, last, seen: seen.slice(-20) })
    put(1, isWaiting(outbox) && outbox)
  }

  return {
    recall,
    save,
    stamp: () => `${textOf(0)}${textOf(1)}`,
    renew: (isErased) => {
      const { id, last } = recall()
      records = fresh(randomId())
      if (isErased) {
        put(0)
        put(1)
      } else {
        Object.assign(records, { id, last })
        save()
      }
    },
  }
}

/** What a list holds under a key; made when there is nothing, and moved behind the others: the oldest are pruned first. */
export const entryOf = <T extends object>(list: [string, T][], key: string): T => {
  const found = list.find(([name]) => name === key) ?? [key, {} as T]
  list.splice(0, list.length, ...list.filter((entry) => entry !== found), found)
  return found[1]
}

export const ledgerOf = ({ seen, salt }: Records, id: string): Ledger => entryOf(seen, hash(salt, id))

/** The present time, or one more than the last number: a device's clock may be set back. */
export const nextNumber = (records: Records, now: number): number => {
  records.last = Math.max(records.last + 1, now)
  return records.last
}
