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
  id: string
  /** Last number given to a body. */
  last: number
  salt: string
  /** Changes with every `reset`. */
  epoch: number
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
  /** Empties ledger and outbox under a new epoch and salt; client id and last number stay. */
  reset(): void
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

/** An unreadable value, or one of another version, is nothing. An absent one is common, and a first throw costs 2 ms. */
const parse = (text = '[]'): unknown[] => {
  try {
    const value = JSON.parse(text)
    if (value[0] === 1) return value
  } catch {}
  return []
}

/** The two values that a browser keeps per proxy: `orq.ledger.*` and `orq.outbox.*`. */
export const createRecords = (storage: KeyValueStore, scope: string, keepOutbox: boolean): RecordsStore => {
  const ledgerKey = `orq.ledger.${hash('', scope)}`
  const outboxKey = `orq.outbox.${hash('', scope)}`
  let ledgerText: string | undefined
  let outboxText: string | undefined
  let records: Records | undefined
  let epoch = 0

  const fresh = (): Records => ({
    id: randomId(),
    last: 0,
    salt: randomId(),
    epoch,
    ledgers: new Map(),
    outbox: new Map(),
    notBefore: 0,
    retryAfter: 0,
    failedAt: 0,
  })

  const readOutbox = (): string | undefined => (keepOutbox ? storage.get(outboxKey) : outboxText)

  const read = (): Records => {
    const nextLedger = storage.get(ledgerKey)
    const nextOutbox = readOutbox()
    const isFirst = !records
    records ??= fresh()
    if (isFirst || nextLedger !== ledgerText) {
      ledgerText = nextLedger
      const [isOurs, id, last, salt, epoch, ledgers] = parse(nextLedger)
      records.ledgers = new Map(ledgers as [string, Ledger][])
      // When the ledger vanishes under a running page its id, salt and epoch go on.
      if (isOurs) Object.assign(records, { id, salt, epoch, last: Math.max(records.last, Number(last) || 0) })
    }
    if (isFirst || nextOutbox !== outboxText) {
      outboxText = nextOutbox
      const [, notBefore = 0, retryAfter = 0, failedAt = 0, outbox] = parse(nextOutbox)
      records.outbox = new Map(outbox as [string, WaitingFields][])
      Object.assign(records, { notBefore, retryAfter, failedAt })
    }
    return records
  }

  const save = (): void => {
    const { id, last, salt, epoch, ledgers, outbox, notBefore, retryAfter, failedAt } = records ?? fresh()
    ledgerText = JSON.stringify([1, id, last, salt, epoch, [...ledgers].slice(-20)])
    storage.set(ledgerKey, ledgerText)
    outboxText = outbox.size ? JSON.stringify([1, notBefore, retryAfter, failedAt, [...outbox]]) : undefined
    if (keepOutbox) storage.set(outboxKey, outboxText)
  }

  const renew = (): void => {
    epoch = Math.max(Date.now(), (records?.epoch ?? 0) + 1)
  }

  return {
    read,
    save,
    stamp: () => `${storage.get(ledgerKey)}${readOutbox()}`,
    reset: () => {
      const { id, last } = read()
      renew()
      records = { ...fresh(), id, last }
      save()
    },
    erase: () => {
      renew()
      storage.set(ledgerKey, undefined)
      storage.set(outboxKey, undefined)
      records = ledgerText = outboxText = undefined
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
