import { hash, randomId } from '../core/hash.ts'
import type { Ledger } from '../core/ledger.ts'
import type { KeyValueStore } from '../core/ports.ts'

/** A field that waits: its value as JSON, when it was called (milliseconds since the epoch), and 1 when it is forced. */
export type Waiting = [json: string, calledAt: number, force: 1 | 0]

export interface WaitingFields {
  [field: string]: Waiting
}

/** What one browser knows of one proxy. Read it, change it and save it without awaiting in between. */
export interface Records {
  /** Random; never leaves the browser. */
  browserId: string
  salt: string
  /** Changes with every `reset`. */
  epoch: string
  /** The number of the last body. */
  lastNumber: number
  /** By hashed id, oldest first. */
  ledgers: Map<string, Ledger>
  /** By id. */
  outbox: Map<string, WaitingFields>
  /** Nothing is tried before this time; news cut it short. */
  notBefore: number
  /** The same, named by a server: nothing cuts it short. */
  retryAfter: number
  /** When both were set: a clock that shows less has been set back since, and they mean nothing. */
  failedAt: number
}

export interface RecordsStore {
  /** The newest state, another tab's writes included. */
  read(): Records
  save(): void
  /** Empties both under a new epoch and salt; browser id and last number stay. */
  startOver(): void
  /** Removes everything; what is read next has a new epoch too. */
  erase(): void
  /** Changes whenever anything has been written. */
  stamp(): string
}

/** localStorage as a port: never throws, and goes on in memory where it is denied, full or lying. */
export const browserStorage = (): KeyValueStore => {
  const memory = new Map<string, string>()
  const use = <T>(task: (storage: Storage) => T): T | undefined => {
    try {
      // Documents only: Node 25 has a localStorage that warns, and workers have none.
      return task(document.defaultView?.localStorage as Storage)
    } catch {
      return undefined
    }
  }
  return {
    get: (key) => memory.get(key) ?? use((storage) => storage.getItem(key)) ?? undefined,
    set: (key, value) => {
      memory.delete(key)
      // First: a full storage would keep a stale value, and that would bring back what has been sent.
      use((storage) => storage.removeItem(key))
      if (value === undefined) return
      use((storage) => storage.setItem(key, value))
      if (use((storage) => storage.getItem(key)) !== value) memory.set(key, value)
    },
  }
}

/** Salted with the version of the format. */
const checksum = (json: string): string => hash('1', json)

/** One stored list. */
interface Cell<List> {
  text(): string | undefined
  /** The list, when somebody else has written since; empty when it is absent or none of ours. */
  news(): List | [] | undefined
  write(list?: List): void
}

const createCell = <List>(storage: KeyValueStore, key: string): Cell<List> => {
  let known: string | undefined
  const text = (): string | undefined => storage.get(key)
  return {
    text,
    news: () => {
      const next = text()
      if (next === known) return undefined
      known = next
      const json = next?.slice(16) ?? ''
      return next === checksum(json) + json ? JSON.parse(json) : []
    },
    write: (list) => {
      const json = JSON.stringify(list)
      known = list && checksum(json) + json
      storage.set(key, known)
    },
  }
}

type StoredLedger = [ledgers: [string, Ledger][], lastNumber: number, browserId: string, salt: string, epoch: string]
type StoredOutbox = [outbox: [string, WaitingFields][], notBefore: number, retryAfter: number, failedAt: number]

/** The two values that a browser keeps per proxy: `orq.ledger.*` and `orq.outbox.*`. */
export const createRecords = (storage: KeyValueStore, scope: string, keepsOutbox: boolean): RecordsStore => {
  const ledgerCell = createCell<StoredLedger>(storage, `orq.ledger.${hash('', scope)}`)
  const outboxCell = createCell<StoredOutbox>(keepsOutbox ? storage : new Map(), `orq.outbox.${hash('', scope)}`)

  const fresh = (): Records => ({
    browserId: randomId(),
    salt: randomId(),
    epoch: '',
    lastNumber: 0,
    ledgers: new Map(),
    outbox: new Map(),
    notBefore: 0,
    retryAfter: 0,
    failedAt: 0,
  })
  let records: Records | undefined

  const read = (): Records => {
    records ??= fresh()
    const ledgerNews = ledgerCell.news()
    if (ledgerNews) {
      // When the ledger vanishes under a running page its ids and its number go on.
      const [ledgers, last = 0, browserId = records.browserId, salt = records.salt, epoch = records.epoch] = ledgerNews
      const lastNumber = Math.max(records.lastNumber, last)
      Object.assign(records, { ledgers: new Map(ledgers), lastNumber, browserId, salt, epoch })
    }
    const outboxNews = outboxCell.news()
    if (outboxNews) {
      const [outbox, notBefore = 0, retryAfter = 0, failedAt = 0] = outboxNews
      Object.assign(records, { outbox: new Map(outbox), notBefore, retryAfter, failedAt })
    }
    return records
  }

  const save = (): void => {
    const { ledgers, lastNumber, browserId, salt, epoch, outbox, notBefore, retryAfter, failedAt } = records!
    ledgerCell.write([[...ledgers].slice(-20), lastNumber, browserId, salt, epoch])
    outboxCell.write(outbox.size ? [[...outbox], notBefore, retryAfter, failedAt] : undefined)
  }

  return {
    read,
    save,
    stamp: () => `${ledgerCell.text()}${outboxCell.text()}`,
    startOver: () => {
      const { browserId, lastNumber } = read()
      records = { ...fresh(), browserId, lastNumber, epoch: randomId() }
      save()
    },
    erase: () => {
      records = { ...fresh(), epoch: randomId() }
      ledgerCell.write()
      outboxCell.write()
    },
  }
}

/** The ledger of one contact, made when there is none, and moved behind the others: the oldest are pruned first. */
export const ledgerOf = ({ ledgers, salt }: Records, id: string): Ledger => {
  const key = hash(salt, id)
  const ledger = ledgers.get(key) ?? {}
  ledgers.delete(key)
  ledgers.set(key, ledger)
  return ledger
}
