import type { Client } from 'pg'
import { OrqError } from '../core/errors.ts'
import { type Clock, systemClock } from '../core/ports.ts'
import { type Entry, entryOf, moveTimes } from './entry.ts'
import { createClaims } from './postgres/claims.ts'
import { connect, fill } from './postgres/connection.ts'
import { createDatabase } from './postgres/database.ts'
import { createGroupCommit } from './postgres/group-commit.ts'
import { createMoving } from './postgres/moving.ts'
import { waitAtMost } from './postgres/patience.ts'
import { createPointers, type Pointers } from './postgres/pointers.ts'
import { startError } from './postgres/problem.ts'
import { createRows, type Found, keyOfId, type Rows } from './postgres/rows.ts'
import { migrate, pointerSchema, requireStore } from './postgres/schema.ts'
import { createSetBack } from './postgres/set-back.ts'
import type { Job, Turn } from './postgres/turn.ts'
import { createUpkeep } from './postgres/upkeep.ts'
import { leaseMs, leaseRow, lookAt, postponeRow, putInto, type Row, releaseRow, settleRow } from './row.ts'
import { dropRow, purgeRow, requeueRow } from './row-operator.ts'
import type { Claim, Store } from './store.ts'

/** Where the rows are, and how they are reached, for `postgres`. */
export interface PostgresOptions {
  /**
   * `postgres://user:password@host:5432/database`; TLS by its parameters, such as
   * `?sslmode=verify-full&sslrootcert=/etc/ca.pem`.
   */
  url: string
  /**
   * The schema of our tables, made when missing; pg-boss's own are in `<schema>_pgboss`. Small letters, digits and
   * underscores. @defaultValue 'orq'
   */
  schema?: string | undefined
  /** Connections of this process at most; 2 are needed. @defaultValue 4 */
  poolSize?: number | undefined
  /** The longest that connecting and that one statement takes, in milliseconds; then `put` rejects. @defaultValue 5000 */
  timeoutMs?: number | undefined
  /** The longest that a finished delivery waits to be written together with others, in milliseconds. @defaultValue 20 */
  collectMs?: number | undefined
  /** False: a schema that there is not yet is refused, and nothing is made. @defaultValue true */
  create?: boolean | undefined
  /** Of a store that is made: what its hashes are keyed with, 32 bytes. @defaultValue random; for a successor see `Moving` */
  key?: Uint8Array | undefined
  /**
   * Of this process, for what it waits for; what is written, and when a lease ends, goes by the database's clock.
   * @defaultValue the system's
   */
  clock?: Clock | undefined
}

const rethrow = (error: unknown): never => {
  throw startError(error)
}

/** The longest that closing waits for what runs: who is told to end has 10 s for all that it does. */
const closeMs = 2_000

/** For all that start at once: one migrates, the others wait and find it done. Any number that nobody else takes. */
const startLock = 7_306_821_044

const prepare = async (
  client: Client,
  pointers: Pointers,
  { schema, create, key: given }: { schema: string; create: boolean; key: Uint8Array | undefined },
): Promise<Rows> => {
  if (!create) await requireStore(client, schema)
  // Until this connection ends, and so for what pg-boss does as well.
  await client.query('SELECT pg_advisory_lock($1)', [startLock])
  const key = await migrate(client, schema, { key: given })
  await pointers.start(client)
  return createRows(schema, key)
}

/**
 * Keeps rows in PostgreSQL, for any number of processes: what `put` has resolved survives the loss of any of them. While
 * the database is away every call rejects, and it goes on by itself when it is back. Needs the packages `pg` and `pg-boss`.
 * @throws OrqError `STORE_UNUSABLE` for what a person must fix: URL, password, rights, version, durability
 */
export const postgres = async (options: PostgresOptions): Promise<Store> => {
  const {
    url,
    schema = 'orq',
    poolSize = 4,
    timeoutMs = 5_000,
    collectMs = 20,
    create = true,
    key,
    clock = systemClock,
  } = options
  if (!/^[a-z_][a-z0-9_]{0,40}$/.test(schema))
    throw new OrqError('INVALID_OPTION', 'schema: small letters, digits and underscores, at most 41')
  if (!Number.isInteger(poolSize) || poolSize < 2)
    throw new OrqError('INVALID_OPTION', 'poolSize: a whole number, at least 2')

  const { client, Boss, bossSchema, ...connections } = await connect({ url, poolSize, timeoutMs }).catch(rethrow)
  const { pool } = connections
  const database = createDatabase(connections, timeoutMs)
  const pointers = createPointers({ Boss, bossSchema, database, schema: pointerSchema(schema) })
  const rows = await prepare(client, pointers, { schema, create, key })
    .finally(() => client.end())
    .then(async (prepared) => {
      // Who only looks needs one or two.
      if (create) await fill(pool, poolSize)
      return prepared
    })
    .catch(async (error) => {
      await pointers.stop().catch(() => {})
      await database.close()
      return rethrow(error)
    })
  const commits = createGroupCommit({ database, rows, pointers, collectMs, timeoutMs })
  const claims = createClaims(database, rows, pointers)
  const setBack = createSetBack({ database, schema, pointers, clock })
  let hearFailure = (_error: unknown): void => {}
  const upkeep = createUpkeep({ database, schema, pointers, clock, onFailure: (error) => hearFailure(error) })

  const contextOf = ({ now }: Turn) => ({ now, hash: rows.hash })
  /** Times of claims and statistics are handed out by this process's clock, which may be another one. */
  const toOurs = (at: number, now: number): number => at + clock.now() - now
  const claimOf = (claim: Claim, now: number): Claim => ({ ...claim, pendingSince: toOurs(claim.pendingSince, now) })

  /** Runs `change` on the row of a claim whose lease still stands. */
  const end = (claim: Claim, change: (row: Row, turn: Turn) => void): Job<void> => ({
    key: rows.keyOf(claim.externalId),
    run: (turn) => {
      const found = turn.find()
      if (found?.row.lease !== claim.lease) return
      change(found.row, turn)
      turn.write(found, claim.externalId)
    },
  })

  const idOf = (key: string): string => key.replaceAll('-', '')
  const entryAt = ({ key, externalId, row }: Found, now: number): Entry =>
    moveTimes(entryOf({ id: idOf(key), externalId }, row, now), clock.now() - now)

  /** Runs `job` on what waits under an id of `list`. */
  const change = async (id: string, job: (found: Found, turn: Turn) => Entry): Promise<Entry | undefined> => {
    if (!/^[0-9a-f]{32}$/.test(id)) return undefined
    const key = keyOfId(id)
    return commits.soon({
      key,
      run: (turn) => {
        const found = turn.waiting()
        return found && job(found, turn)
      },
    })
  }

  return {
    isDurable: true,
    leaseMs,
    put: (update, { claim: asksClaim }) =>
      commits.soon({
        key: rows.keyOf(update.externalId),
        run: (turn) => {
          const { externalId, id } = update
          const found = turn.find() ?? turn.create()
          const result = putInto(found.row, update, contextOf(turn), turn.next)
          if (result.kind !== 'stored') {
            if (result.kind === 'unchanged' && id) turn.write(found, externalId)
            return result
          }
          const isClaimed = asksClaim && result.waits === undefined
          const claim = isClaimed ? leaseRow(found.row, externalId, turn.next(), turn.now) : undefined
          turn.write(found, externalId)
          return { ...result, claim: claim && claimOf(claim, turn.now) }
        },
      }),
    claim: async (limit) => {
      const taken = await claims.take(limit)
      const room = limit - taken.claims.length
      // What is taken must not wait for the end of its lease because the rest failed: the next look finds that.
      const more = await setBack
        .mend(taken.now)
        .then((isMended) => (isMended && room > 0 ? claims.take(room) : undefined))
        .catch(() => undefined)
      return [...taken.claims, ...(more?.claims ?? [])].map((claim) => claimOf(claim, taken.now))
    },
    look: async (claim) => lookAt(await rows.read(database, claim.externalId), claim),
    done: (claim) => commits.later(end(claim, (row, turn) => settleRow(row, claim, contextOf(turn)))),
    park: (claim, fields, reason) =>
      commits.later(end(claim, (row, turn) => settleRow(row, claim, contextOf(turn), { fields, reason }))),
    retry: (claim, due, reason) => {
      // By this process's clock, and now: it may be set before the row is written.
      const waitMs = due - clock.now()
      return commits.later(end(claim, (row, { now }) => postponeRow(row, now + waitMs, reason, now)))
    },
    release: async (some) => {
      await Promise.all(some.map((claim) => commits.soon(end(claim, (row, { now }) => releaseRow(row, now)))))
    },
    purge: (externalId, notBefore) =>
      commits.soon({
        key: rows.keyOf(externalId),
        run: (turn) => {
          const found = turn.readable()
          turn.write({ ...(found ?? turn.create()), row: purgeRow(found?.row, notBefore) }, externalId)
        },
      }),
    pseudonym: (externalId) => idOf(rows.keyOf(externalId)),
    list: async (query) => {
      const { found, now } = await rows.list(database, query)
      return found.map((one) => entryAt(one, now))
    },
    requeue: (id) =>
      change(id, (found, turn) => {
        // What cannot be read is left as it is.
        if (found.externalId !== undefined) {
          requeueRow(found.row, turn.now, turn.next)
          turn.write(found, found.externalId)
        }
        return entryAt(found, turn.now)
      }),
    drop: (id) =>
      change(id, (found, turn) => {
        const entry = entryAt(found, turn.now)
        dropRow(found.row, turn.now)
        // Of an empty row the id is not written.
        turn.write(found, found.externalId ?? '')
        return entry
      }),
    stats: async () => {
      const { oldestPendingSince, now, ...counts } = await rows.count(database)
      return { ...counts, ...(oldestPendingSince !== null && { oldestPendingSince: toOurs(oldestPendingSince, now) }) }
    },
    onUpkeepFailure: (listener) => {
      hearFailure = listener
    },
    moving: createMoving({ database, rows, commits }),
    check: () => rows.check(database),
    close: async () => {
      const patienceMs = database.isSilent() ? 0 : closeMs
      await Promise.all([waitAtMost(patienceMs, upkeep.stop()), commits.close(patienceMs)])
      await pointers.stop()
      await database.close()
    },
  }
}
