import type { ClientBase } from 'pg'
import { createKeyedHash, type KeyedHash } from '../keyed-hash.ts'
import { createRow, isPending, type Row } from '../row.ts'
import { type Columns, columnNames, columnsOf, parseColumns, parseReadable } from '../row-columns.ts'
import type { ListQuery } from '../store.ts'
import type { Database } from './database.ts'

/** A row as it was found, to be changed and written. */
export interface Found {
  key: string
  /** Undefined while nothing is undelivered or parked. */
  externalId: string | undefined
  row: Row
  isNew: boolean
  /** When its pointer job comes due; undefined while it has none. */
  pointer: number | undefined
}

/** A changed row, in the form in which it is written. */
export interface Change {
  found: Found
  columns: Columns
}

/**
 * What a transaction holds: nobody else writes these rows, or takes a version for them, before it ends. What others hold is
 * not waited for.
 */
export interface Locked {
  /** The database's time, after the locks were given. */
  now: number
  /** By key. @throws SyntaxError where a row cannot be read */
  find(key: string): Found | undefined
  /** By key. One that cannot be read has no id and nothing in it. */
  readable(key: string): Found | undefined
  /** The same, when something is undelivered or refused. */
  waiting(key: string): Found | undefined
  /** Whether there is such a row and others hold it. */
  isHeld(key: string): boolean
  /** The next number of the database's sequence, for versions and leases. */
  next(): number
}

/** The rows of one schema. What is given a client runs inside a transaction of the caller. */
export interface Rows {
  /** What hashes of this schema are keyed with. */
  readonly secret: Uint8Array
  hash(text: string): string
  keyOf(externalId: string): string
  create(key: string): Found
  /** @throws TypeError where the row is no JSON */
  change(found: Found, externalId: string, now: number): Change
  /** Locks those of these rows that nobody holds. @param count how many numbers are needed at most */
  lock(client: ClientBase, keys: readonly string[], count: number): Promise<Locked>
  /** Fails with `unique_violation` where another process made one of the new rows meanwhile. */
  write(client: ClientBase, changes: readonly Change[]): Promise<void>
  /** Locks rows whose holder died: whose lease is over without being ended. */
  lapsed(client: ClientBase, limit: number): Promise<string[]>
  /** Writes no more than who holds the rows, and until when. */
  writeLeases(
    client: ClientBase,
    leases: readonly (Pick<Row, 'wake' | 'span' | 'lease'> & { key: string })[],
  ): Promise<void>
  /** A row as it is, without waiting for who has it locked. */
  read(database: Database, externalId: string): Promise<Row | undefined>
  /** Without a lock; those that cannot be read as in `readable`. With the database's time. */
  list(database: Database, query: ListQuery): Promise<{ found: Found[]; now: number }>
  /** Every row, by key, in the columns of the table. */
  page(database: Database, after: string | undefined, limit: number): Promise<Record<string, unknown>[]>
  count(
    database: Database,
  ): Promise<{ pending: number; parked: number; oldestPendingSince: number | null; now: number }>
  /** Writes something. */
  check(database: Database): Promise<void>
}

/**
 * A pending row that nobody holds has a pointer job that comes due when the row does. Who holds a row makes one when it
 * ends; the lease of a holder that died is looked for. A job for each lease would cost a third of all updates per second.
 */
export const pointerOf = (row: Row): number | undefined =>
  isPending(row) && row.lease === undefined ? row.wake : undefined

const types = {
  version: 'bigint',
  attempts: 'integer',
  pending_since: 'bigint',
  wake: 'bigint',
  span: 'bigint',
  lease: 'bigint',
  not_before: 'bigint',
  updated: 'bigint',
} as Record<string, string>

const foundOf = (columns: Record<string, unknown>): Found => {
  const { externalId, row } = parseColumns(columns)
  return { key: columns['key'] as string, externalId, row, isNew: false, pointer: pointerOf(row) }
}

/** Of 32 hexadecimal digits, as PostgreSQL writes a `uuid`. */
export const keyOfId = (id: string): string => id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

// `NaN` is no time that a row could have: whatever job such a row has is moved.
const readableOf = (columns: Record<string, unknown>): Found => {
  const { externalId, row } = parseReadable(columns)
  const pointer = externalId === undefined ? Number.NaN : pointerOf(row)
  return { key: columns['key'] as string, externalId, row, isNew: false, pointer }
}

export const createRows = (schema: string, key: Uint8Array): Rows => {
  const { keyOf, hash }: KeyedHash = createKeyedHash(key)
  const names = columnNames.join()
  const given = `json_to_recordset($1) AS n (key uuid, ${columnNames.map((name) => `${name} ${types[name] ?? 'text'}`).join()})`

  // In this order, which the second line of each fixes: the locks, and after them time and numbers. A version that was
  // taken before the lock could be lower than one that is written while this transaction waits.
  const lock = `
    WITH locked AS MATERIALIZED (
      SELECT key, ${names} FROM ${schema}.contacts WHERE key = ANY($1::uuid[]) FOR UPDATE SKIP LOCKED
    ), counted AS MATERIALIZED (SELECT count(*)::integer AS n FROM locked)
    SELECT ${schema}.now_ms()::float8 AS now, (SELECT json_agg(locked) FROM locked) AS rows,
      (SELECT json_agg(nextval('${schema}.versions')) FROM generate_series(1, $2 + 0 * counted.n)) AS numbers,
      (SELECT json_agg(key) FROM ${schema}.contacts
        WHERE counted.n < cardinality($1::uuid[]) AND key = ANY($1::uuid[])) AS present
    FROM counted`
  const insert = `INSERT INTO ${schema}.contacts (key, ${names}) SELECT key, ${names} FROM ${given}`
  const update = `UPDATE ${schema}.contacts AS c SET ${columnNames.map((name) => `${name} = n.${name}`).join()}
    FROM ${given} WHERE c.key = n.key`
  const lease = `UPDATE ${schema}.contacts AS c SET wake = n.wake, span = n.span, lease = n.lease
    FROM json_to_recordset($1) AS n (key uuid, wake bigint, span bigint, lease bigint) WHERE c.key = n.key`

  // Time in a query of its own: asked for with each row, it could not be looked for in the index.
  const lapsed = `SELECT key FROM ${schema}.contacts WHERE wake <= (SELECT ${schema}.now_ms()) AND lease IS NOT NULL
    ORDER BY wake LIMIT $1 FOR UPDATE SKIP LOCKED`
  // Each in an index of its own, which has all that is asked for.
  const pending = ['IS NULL', 'IS NOT NULL'].map(
    (is) =>
      `SELECT count(*) AS n, min(pending_since) AS since FROM ${schema}.contacts WHERE wake IS NOT NULL AND lease ${is}`,
  )
  const uuidOf = (externalId: string): string => keyOfId(keyOf(externalId).toString('hex'))

  return {
    secret: key,
    hash,
    keyOf: uuidOf,
    create: (key) => ({ key, externalId: undefined, row: createRow(), isNew: true, pointer: undefined }),
    change: (found, externalId, now) => ({
      found: { ...found, externalId },
      columns: columnsOf(found.row, externalId, now),
    }),
    lock: async (client, keys, count) => {
      const { rows } = await client.query({ name: 'orq_lock', text: lock, values: [keys, count] })
      const { now, rows: locked, numbers, present } = rows[0]
      const columns = new Map<string, Record<string, unknown>>()
      for (const row of locked ?? []) columns.set(row.key, row)
      const others = new Set<string>(present)
      let used = 0
      return {
        now,
        find: (key) => {
          const some = columns.get(key)
          return some && foundOf(some)
        },
        readable: (key) => {
          const some = columns.get(key)
          return some && readableOf(some)
        },
        waiting: (key) => {
          const some = columns.get(key)
          return some && (some['wake'] !== null || some['parked'] !== null) ? readableOf(some) : undefined
        },
        isHeld: (key) => !columns.has(key) && others.has(key),
        next: () => numbers[used++],
      }
    },
    write: async (client, changes) => {
      const put = async (isNew: boolean, name: string, text: string): Promise<void> => {
        const some = changes
          .filter(({ found }) => found.isNew === isNew)
          .map(({ found: { key }, columns }) => ({ key, ...columns }))
          // So that two transactions that make the same rows wait in one direction.
          .sort((a, b) => (a.key < b.key ? -1 : 1))
        if (some.length) await client.query({ name, text, values: [JSON.stringify(some)] })
      }
      await Promise.all([put(true, 'orq_insert', insert), put(false, 'orq_update', update)])
    },
    writeLeases: async (client, leases) => {
      const values = leases.map(({ key, wake, span, lease }) => ({ key, wake, span, lease }))
      await client.query({ name: 'orq_lease', text: lease, values: [JSON.stringify(values)] })
    },
    lapsed: async (client, limit) => {
      const { rows } = await client.query({ name: 'orq_lapsed', text: lapsed, values: [limit] })
      return rows.map(({ key }) => key)
    },
    read: async (database, externalId) => {
      const rows = await database.query(`SELECT key, ${names} FROM ${schema}.contacts WHERE key = $1`, [
        uuidOf(externalId),
      ])
      return rows[0] && parseColumns(rows[0]).row
    },
    list: async (database, { after, prefix = '', limit }) => {
      const [{ found, now }] = (await database.query(
        `SELECT ${schema}.now_ms()::float8 AS now, (SELECT json_agg(page ORDER BY key) FROM (
           SELECT key, ${names} FROM ${schema}.contacts
           WHERE key BETWEEN $1 AND $2 AND ($3::uuid IS NULL OR key > $3) AND (wake IS NOT NULL OR parked IS NOT NULL)
           ORDER BY key LIMIT $4) AS page) AS found`,
        [prefix.padEnd(32, '0'), prefix.padEnd(32, 'f'), after ?? null, limit],
      )) as [{ found: Record<string, unknown>[] | null; now: number }]
      return { found: (found ?? []).map(readableOf), now }
    },
    page: async (database, after, limit) => {
      const rows = await database.query(
        `SELECT key, ${names} FROM ${schema}.contacts WHERE $1::uuid IS NULL OR key > $1 ORDER BY key LIMIT $2`,
        [after ?? null, limit],
      )
      return rows
    },
    count: async (database) => {
      const [counts] = (await database.query(
        `SELECT sum(n)::integer AS pending, min(since)::float8 AS "oldestPendingSince",
           (SELECT count(*)::integer FROM ${schema}.contacts WHERE parked IS NOT NULL) AS parked,
           ${schema}.now_ms()::float8 AS now
         FROM (${pending.join(' UNION ALL ')}) AS pending`,
      )) as [Awaited<ReturnType<Rows['count']>>]
      return counts
    },
    check: async (database) => {
      await database.query(`UPDATE ${schema}.meta SET number = number + 1 WHERE name = 'checked'`)
    },
  }
}
