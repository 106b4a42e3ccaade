import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { createKeyedHash } from '../keyed-hash.ts'
import { createRow, type Row } from '../row.ts'
import { columnNames, columnsOf, parseColumns, parseReadable } from '../row-columns.ts'
import type { ListQuery } from '../store.ts'
import { keyOf as secretOf } from './schema.ts'

/** A row as it was found, to be changed and written. */
export interface Found {
  key: Uint8Array
  /** Undefined while nothing is undelivered or parked: the id is part of both and of nothing else. */
  externalId: string | undefined
  row: Row
}

/** The rows of one open file. All of it runs inside a transaction of the caller. */
export interface Rows {
  /** What hashes of this file are keyed with. */
  readonly secret: Uint8Array
  hash(text: string): string
  /** The key of a contact's row as text. */
  pseudonym(externalId: string): string
  /** The row of a contact; undefined when there is none. @throws when it cannot be read */
  find(externalId: string): Found | undefined
  /** The same, where one that cannot be read has no id and nothing in it. */
  readable(externalId: string): Found | undefined
  create(externalId: string): Found
  keyOf(externalId: string): Uint8Array
  /** The row of a key. @throws when it cannot be read */
  findKey(key: Uint8Array): Found | undefined
  /** Every row, by key, in the columns of the file. */
  page(after: string | undefined, limit: number): Record<string, SQLOutputValue>[]
  /** Rows with something undelivered or parked, by key. One that cannot be read is found without anything in it. */
  list(query: ListQuery): Found[]
  /** Pending rows whose time has come, the oldest first. A row that cannot be read is put off and left out. */
  due(now: number, limit: number): Found[]
  write(found: Found, externalId: string, now: number): void
  /** Writes no more than who holds the row, and until when. */
  writeLease(found: Found): void
  /** How much of the file is in use, in bytes. */
  usedBytes(): number
  /** Where the clock was set back since a row was put off: it is due now, a lease runs for its full time from now. */
  mendTimes(now: number): void
  /** Deletes what is empty and older than `before` among the next `limit` rows. */
  prune(before: number, limit: number): void
  count(): { pending: number; parked: number; oldestPendingSince: number | null }
  /** How many rows this connection has written. */
  changes(): number
  readSequence(): number
  writeSequence(value: number): void
}

const unreadableDelayMs = 3_600_000

const foundOf = (columns: Record<string, SQLOutputValue>): Found => ({
  key: columns['key'] as Uint8Array,
  ...parseColumns(columns),
})

const readableOf = (columns: Record<string, SQLOutputValue>): Found => ({
  key: columns['key'] as Uint8Array,
  ...parseReadable(columns),
})

/** The least key and the greatest. One bound at each end: SQLite would use the first of two and read over the rest. */
const boundsOf = (after: string, prefix: string): [Uint8Array, Uint8Array] => {
  const least = prefix.padEnd(32, '0')
  // One byte more is the least that comes after it.
  const from = after < least ? least : `${after}00`
  return [Buffer.from(from, 'hex'), Buffer.from(prefix.padEnd(32, 'f'), 'hex')]
}

export const createRows = (database: DatabaseSync): Rows => {
  const secret = secretOf(database)
  const { keyOf, hash } = createKeyedHash(secret)

  const pageRows = database.prepare('SELECT * FROM contacts WHERE key > ? ORDER BY key LIMIT ?')
  const byKey = database.prepare('SELECT * FROM contacts WHERE key = ?')
  // The `+` keeps SQLite from sorting all that waits for each page; this reads on where the last page ended.
  const waitingRows = database.prepare(
    `SELECT * FROM contacts WHERE key BETWEEN ? AND ? AND (+wake IS NOT NULL OR +parked IS NOT NULL)
     ORDER BY key LIMIT ?`,
  )
  const dueRows = database.prepare('SELECT * FROM contacts WHERE wake <= ? ORDER BY wake, version LIMIT ?')
  const upsert = database.prepare(
    `INSERT INTO contacts (key, ${columnNames.join()}) VALUES (?, ${columnNames.map(() => '?').join()})
     ON CONFLICT (key) DO UPDATE SET ${columnNames.map((name) => `${name} = excluded.${name}`).join()}`,
  )
  const leaseRow = database.prepare('UPDATE contacts SET wake = ?, span = ?, lease = ? WHERE key = ?')
  const putOff = database.prepare('UPDATE contacts SET wake = ?, span = ? WHERE key = ?')
  const lateLeases = database.prepare(
    'UPDATE contacts SET wake = ? + span WHERE wake > ? AND wake - span > ? AND lease IS NOT NULL',
  )
  const lateRows = database.prepare(
    'UPDATE contacts SET wake = ?, span = 0 WHERE wake > ? AND wake - span > ? AND lease IS NULL',
  )
  const pruneRows = database.prepare(
    'DELETE FROM contacts WHERE id > ? AND id <= ? AND payload IS NULL AND parked IS NULL AND updated < ?',
  )
  const lastId = database.prepare('SELECT max(id) AS id FROM contacts')
  const pending = database.prepare(
    'SELECT count(*) AS pending, min(pending_since) AS oldest FROM contacts WHERE wake IS NOT NULL',
  )
  const parked = database.prepare('SELECT count(*) AS parked FROM contacts WHERE parked IS NOT NULL')
  const sequence = database.prepare("SELECT value FROM meta WHERE name = 'sequence'")
  const setSequence = database.prepare("UPDATE meta SET value = ? WHERE name = 'sequence'")
  const used = database.prepare(
    `SELECT (page_count - freelist_count) * page_size AS bytes
     FROM pragma_page_count, pragma_freelist_count, pragma_page_size`,
  )
  const total = database.prepare('SELECT total_changes() AS total')
  /** Where the last `prune` ended. */
  let pruned = 0

  const findKey = (key: Uint8Array): Found | undefined => {
    const columns = byKey.get(key)
    return columns && foundOf(columns)
  }

  return {
    secret,
    hash,
    keyOf,
    findKey,
    page: (after = '', limit) => pageRows.all(Buffer.from(after, 'hex'), limit),
    pseudonym: (externalId) => keyOf(externalId).toString('hex'),
    find: (externalId) => findKey(keyOf(externalId)),
    readable: (externalId) => {
      const columns = byKey.get(keyOf(externalId))
      return columns && readableOf(columns)
    },
    create: (externalId) => ({ key: keyOf(externalId), externalId, row: createRow() }),
    list: ({ after = '', prefix = '', limit }) =>
      waitingRows.all(...boundsOf(after, prefix), limit).map((columns) => readableOf(columns)),
    due: (now, limit) =>
      dueRows.all(now, limit).flatMap((columns) => {
        try {
          const found = foundOf(columns)
          if (found.externalId !== undefined) return [found]
        } catch {}
        putOff.run(now + unreadableDelayMs, unreadableDelayMs, columns['key'] as Uint8Array)
        return []
      }),
    write: ({ key, row }, externalId, now) => {
      const columns = columnsOf(row, externalId, now)
      upsert.run(key, ...columnNames.map((name) => columns[name]))
    },
    writeLease: ({ key, row }) => void leaseRow.run(row.wake, row.span, row.lease ?? null, key),
    usedBytes: () => (used.get() as { bytes: number }).bytes,
    mendTimes: (now) => {
      lateLeases.run(now, now, now)
      lateRows.run(now, now, now)
    },
    prune: (before, limit) => {
      const { id } = lastId.get() as { id: number | null }
      if (pruned >= (id ?? 0)) pruned = 0
      pruneRows.run(pruned, pruned + limit, before)
      pruned += limit
    },
    count: () => {
      const { pending: count, oldest } = pending.get() as { pending: number; oldest: number | null }
      return { pending: count, ...(parked.get() as { parked: number }), oldestPendingSince: oldest }
    },
    changes: () => (total.get() as { total: number }).total,
    readSequence: () => Number((sequence.get() as { value: number }).value),
    writeSequence: (value) => void setSequence.run(value),
  }
}
