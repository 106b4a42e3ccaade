import type { Pool } from 'pg'
import type { Clock } from '../../core/ports.ts'
import type { Pointers } from './pointers.ts'
import { inTransaction } from './transaction.ts'

export interface UpkeepOptions {
  pool: Pool
  schema: string
  pointers: Pointers
  clock: Clock
}

/** What is done from time to time, from now on, by whichever process comes to it. */
export interface Upkeep {
  /** Whether rows may have been put off by a database clock that was ahead: once, and after each step back. */
  wasClockSetBack(now: number): boolean
  /** Rows that are put off for longer than their own back-off are due now, a lease runs for its full time from now. */
  mendTimes(): Promise<void>
  /** Resolves when nothing runs any more. */
  stop(): Promise<void>
}

const keptMs = 7 * 86_400_000
const pruneEveryMs = 60_000
const sweepEveryMs = 5_000
/** The sweeper rests for so many times as long as it took, but for no more than its promise, a minute. */
const restFactor = 20
const longestRestMs = 45_000
/** A clock is slewed by less between two looks. */
const stepMs = 1_000
const rowsPerSweep = 1_000
const rowsPerPrune = 5_000
/** Any number that nobody else takes: one process sweeps at a time. */
const sweepLock = 7_306_821_045
const firstKey = '00000000-0000-0000-0000-000000000000'

export const createUpkeep = ({ pool, schema, pointers, clock }: UpkeepOptions): Upkeep => {
  const contacts = `${schema}.contacts`
  let pruned = firstKey
  /** How far the database's clock was ahead of our monotonic one, at most. */
  let ahead = Number.POSITIVE_INFINITY
  let isStopped = false
  const running = new Set<Promise<void>>()
  const cancels = new Map<unknown, () => void>()

  /** Gives a pointer job to rows that are overdue without one: their holder died, or somebody deleted or failed the job. */
  const sweep = (): Promise<void> =>
    inTransaction(pool, async (client, commitWith) => {
      const { rows: locks } = await client.query('SELECT pg_try_advisory_xact_lock($1) AS has', [sweepLock])
      if (!locks[0]?.has) return
      const { rows } = await client.query(
        `SELECT c.key, c.wake::float8 FROM ${contacts} AS c
         WHERE c.wake <= (SELECT ${schema}.now_ms()) AND NOT ${pointers.exists} ORDER BY c.wake LIMIT ${rowsPerSweep}`,
      )
      if (rows.length) await commitWith(pointers.set(client, rows))
    })

  const prune = async (): Promise<void> => {
    const { rows } = await pool.query(
      `WITH page AS MATERIALIZED (
         SELECT key FROM ${contacts} WHERE key > $1 ORDER BY key LIMIT ${rowsPerPrune}
       ), old AS MATERIALIZED (
         SELECT c.key FROM ${contacts} AS c JOIN page USING (key)
         WHERE payload IS NULL AND parked IS NULL AND updated < ${schema}.now_ms() - $2
         FOR UPDATE OF c SKIP LOCKED
       ), deleted AS (DELETE FROM ${contacts} AS c USING old WHERE c.key = old.key)
       SELECT max(key::text) AS last FROM page`,
      [pruned, keptMs],
    )
    pruned = rows[0]?.last ?? firstKey
  }

  /** A database that is away is asked again at the next turn. */
  const repeat = (task: () => Promise<void>, everyMs: number): void => {
    const run = (): void => {
      const start = clock.monotonic()
      const ended = task()
        .catch(() => {})
        .then(() => {
          running.delete(ended)
          const restMs = Math.min(longestRestMs, restFactor * (clock.monotonic() - start))
          if (!isStopped) cancels.set(task, clock.after(Math.max(everyMs, restMs), run))
        })
      running.add(ended)
    }
    run()
  }
  repeat(sweep, sweepEveryMs)
  repeat(prune, pruneEveryMs)

  return {
    wasClockSetBack: (now) => {
      const offset = now - clock.monotonic()
      const isBack = offset < ahead - stepMs
      ahead = isBack ? offset : Math.max(ahead, offset)
      return isBack
    },
    mendTimes: () =>
      inTransaction(pool, async (client, commitWith) => {
        const { rows } = await client.query(
          `WITH late AS MATERIALIZED (
             SELECT key, n.ms FROM ${contacts}, (SELECT ${schema}.now_ms() AS ms) AS n
             WHERE wake > n.ms AND wake - span > n.ms ORDER BY key FOR UPDATE OF contacts
           )
           UPDATE ${contacts} AS c SET wake = late.ms + CASE WHEN c.lease IS NULL THEN 0 ELSE c.span END,
             span = CASE WHEN c.lease IS NULL THEN 0 ELSE c.span END
           FROM late WHERE c.key = late.key RETURNING c.key, c.wake::float8, c.lease IS NULL AS "isFree"`,
        )
        const free = rows.filter(({ isFree }) => isFree)
        if (rows.length) await commitWith(pointers.set(client, free))
      }),
    stop: async () => {
      isStopped = true
      for (const cancel of cancels.values()) cancel()
      await Promise.all(running)
    },
  }
}
