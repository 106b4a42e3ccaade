import { type Json, parseContact } from '../core/contact.ts'
import { hash, randomId } from '../core/hash.ts'
import type { Ledger } from '../core/ledger.ts'
import type { Clock, KeyValueStore } from '../core/ports.ts'

/** A field that waits: its value, when it was called (milliseconds since the epoch), and 1 when it is forced. */
export type Waiting = [value: Json, calledAt: number, force?: 1 | undefined]

export interface WaitingFields {
  [field: string]: Waiting
}

/** What one browser knows of one proxy. Mutable: read it, change it and save it without awaiting in between. */
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
}

export interface RecordsStore {
  /** The newest state, another tab's writes included. */
  read(): Records
  save(): void
  /** Empties ledger and outbox under a new epoch and salt; client id and last number stay. */
  reset(): void
  /** Removes everything. What is read next has a new epoch too. */
  erase(): void
  /** Changes whenever another tab or this one has written. */
  stamp(): string
}

const maxContacts = 20

/** localStorage as a port: never throws, and goes on in memory where it is denied, full or lying. */
export const browserStorage = (): KeyValueStore => {
  const memory = new Map<string, string>()
  const local = (): Storage | undefined => {
    // Only documents: Node 25 has a localStorage that warns, and workers have none.
    if (typeof document === 'undefined') return undefined
    return localStorage
  }
  return {
    get: (key) => {
      if (memory.has(key)) return memory.get(key)
      try {
        return local()?.getItem(key) ?? undefined
      } catch {
        return undefined
      }
    },
    set: (key, value) => {
      memory.delete(key)
      try {
        const storage = local() as Storage
        if (value === undefined) return storage.removeItem(key)
        storage.setItem(key, value)
        if (storage.getItem(key) === value) return
      } catch {
        try {
          // A stale value would bring back what has been sent; without one the next visit only sends once more.
          local()?.removeItem(key)
        } catch {}
      }
      if (value !== undefined) memory.set(key, value)
    },
  }
}

const parse = (text: string | undefined): Record<string, unknown> | undefined => {
  // An empty text is common and a first throwing JSON.parse costs two milliseconds.
  if (!text) return undefined
  try {
    const value = JSON.parse(text)
    if (value?.v === 1) return value
  } catch {}
  return undefined
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const toLedgers = (given: unknown): Map<string, Ledger> => {
  const ledgers = new Map<string, Ledger>()
  for (const [id, fields] of given as [string, Ledger][]) {
    const valid = Object.values(fields).every(
      ([h, acknowledged, called]) => h.length < 20 && isTime(acknowledged) && isTime(called),
    )
    if (valid) ledgers.set(String(id), fields)
  }
  return ledgers
}

const toOutbox = (given: unknown): Map<string, WaitingFields> => {
  const outbox = new Map<string, WaitingFields>()
  for (const [id, fields] of given as [string, WaitingFields][]) {
    const values = Object.fromEntries(Object.entries(fields).map(([field, waiting]) => [field, waiting[0]]))
    const valid = Object.values(fields).every((waiting) => isTime(waiting[1]))
    if (valid && 'external_id' in parseContact({ ...values, external_id: id })) outbox.set(id, fields)
  }
  return outbox
}

const attempt = <T>(task: () => T, fallback: T): T => {
  try {
    return task()
  } catch {
    return fallback
  }
}

/**
 * The two values that a browser keeps per proxy, `orq.ledger.*` and `orq.outbox.*`. Whatever cannot be read is ignored
 * and replaced; when the ledger vanishes under a running page, its id, salt and epoch are kept.
 */
export const createRecords = (
  storage: KeyValueStore,
  { proxyUrl, keepOutbox, ttlMs, clock }: { proxyUrl: string; keepOutbox: boolean; ttlMs: number; clock: Clock },
): RecordsStore => {
  const scope = hash('', proxyUrl)
  const ledgerKey = `orq.ledger.${scope}`
  const outboxKey = `orq.outbox.${scope}`
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
  })

  const read = (): Records => {
    const nextLedger = storage.get(ledgerKey)
    const nextOutbox = keepOutbox ? storage.get(outboxKey) : outboxText
    if (!records || nextLedger !== ledgerText) {
      const { i, n, s, e, c } = parse(nextLedger) ?? {}
      records ??= fresh()
      records.ledgers = attempt(() => toLedgers(c ?? []), new Map())
      if (typeof i === 'string' && i && typeof s === 'string' && isTime(e)) {
        Object.assign(records, { id: i, salt: s, epoch: e })
        // A number from a far future would outlast every clock; a lower one than ours was written by a slower tab.
        if (isTime(n) && n < 1e14) records.last = Math.max(records.last, n)
      } else records.ledgers = new Map()
      ledgerText = nextLedger
    }
    if (nextOutbox !== outboxText || !records.outbox) {
      const { t, r, c } = parse(nextOutbox) ?? {}
      records.outbox = attempt(() => toOutbox(c ?? []), new Map())
      records.notBefore = isTime(t) ? t : 0
      records.retryAfter = isTime(r) ? r : 0
      outboxText = nextOutbox
    }
    const now = clock.now()
    for (const [id, fields] of records.outbox) {
      for (const [field, waiting] of Object.entries(fields)) if (now - waiting[1] >= ttlMs) delete fields[field]
      if (!Object.keys(fields).length) records.outbox.delete(id)
    }
    return records
  }

  const save = (): void => {
    if (!records) return
    const { id, last, salt, epoch, ledgers, outbox, notBefore, retryAfter } = records
    while (ledgers.size > maxContacts) ledgers.delete(ledgers.keys().next().value as string)
    ledgerText = JSON.stringify({ v: 1, i: id, n: last, s: salt, e: epoch, c: [...ledgers] })
    storage.set(ledgerKey, ledgerText)
    const next = outbox.size
      ? JSON.stringify({ v: 1, t: Math.ceil(notBefore), r: retryAfter, c: [...outbox] })
      : undefined
    if (keepOutbox && next !== outboxText) storage.set(outboxKey, next)
    outboxText = next
  }

  return {
    read,
    save,
    stamp: () => `${storage.get(ledgerKey)}${keepOutbox ? storage.get(outboxKey) : outboxText}`,
    reset: () => {
      const { id, last } = read()
      epoch = Math.max(clock.now(), read().epoch + 1)
      records = { ...fresh(), id, last }
      save()
    },
    erase: () => {
      epoch = Math.max(clock.now(), (records?.epoch ?? 0) + 1)
      storage.set(ledgerKey, undefined)
      storage.set(outboxKey, undefined)
      records = ledgerText = outboxText = undefined
    },
  }
}

/** The ledger of one contact, made when there is none, and moved behind the others: the oldest are pruned first. */
export const ledgerOf = (records: Records, id: string): Ledger => {
  const key = hash(records.salt, id)
  const ledger = records.ledgers.get(key) ?? {}
  records.ledgers.delete(key)
  records.ledgers.set(key, ledger)
  return ledger
}

export const hashOf = (records: Records, value: Json): string => hash(records.salt, JSON.stringify(value))
