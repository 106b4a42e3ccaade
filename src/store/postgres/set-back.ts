import type { Clock } from '../../core/ports.ts'
import type { Database } from './database.ts'
import { waitAtMost } from './patience.ts'
import type { Pointer, Pointers } from './pointers.ts'

/** Mends what a database clock that was ahead has put off, once, and after each step back. */
export interface SetBack {
  /** Waits for a moment, where there is much to mend. @param now the database's time. @returns whether it has begun to */
  mend(now: number): Promise<boolean>
}

export interface SetBackOptions {
  database: Database
  schema: string
  pointers: Pointers
  clock: Clock
}

/** A clock is slewed by less between two looks. */
const stepMs = 1_000
const rowsPerPage = 5_000
/** Who asks holds claims, whose time runs. */
const patienceMs = 1_000

interface Page {
  size: number
  last: Pointer
  free: Pointer[] | null
}

export const createSetBack = ({ database, schema, pointers, clock }: SetBackOptions): SetBack => {
  /** How far the database's clock was ahead of our monotonic one, at most. */
  let ahead = Number.POSITIVE_INFINITY
  let isMending = false

  /** A free row that is put off for longer than its own back-off is due now, a lease runs for its full time from now. */
  const mendPage = (lease: 'IS NULL' | 'IS NOT NULL', after: Pointer): Promise<Page> =>
    database.transact(async (client, commitWith) => {
      const isFree = lease === 'IS NULL'
      const { rows } = await client.query(
        `WITH n AS MATERIALIZED (SELECT ${schema}.now_ms() AS ms), page AS MATERIALIZED (
           SELECT key, wake, span FROM ${schema}.contacts
           WHERE lease ${lease} AND wake > (SELECT ms FROM n) AND (wake, key) > ($1::bigint, $2::uuid)
           ORDER BY wake, key LIMIT ${rowsPerPage}
         ), late AS MATERIALIZED (
           SELECT key FROM ${schema}.contacts
           WHERE key = ANY(ARRAY(SELECT key FROM page WHERE wake - span > (SELECT ms FROM n)))
             AND lease ${lease} AND wake - span > (SELECT ms FROM n) FOR UPDATE
         ), mended AS (
           UPDATE ${schema}.contacts SET wake = (SELECT ms FROM n) + ${isFree ? '0, span = 0' : 'span'}
           WHERE key = ANY(ARRAY(SELECT key FROM late)) RETURNING key, wake
         )
         SELECT (SELECT count(*)::integer FROM page) AS size, (SELECT json_agg(mended) FROM mended) AS free,
           (SELECT json_build_object('wake', wake, 'key', key) FROM page ORDER BY page.wake DESC, page.key DESC LIMIT 1) AS last`,
        [after.wake, after.key],
      )
      const page = rows[0] as Page
      if (page.free) await commitWith(pointers.set(client, isFree ? page.free : []))
      return page
    })

  const mendAll = async (): Promise<void> => {
    for (const lease of ['IS NULL', 'IS NOT NULL'] as const) {
      let after: Pointer = { wake: 0, key: '00000000-0000-0000-0000-000000000000' }
      for (;;) {
        const { size, last } = await mendPage(lease, after)
        if (size < rowsPerPage) break
        after = last
      }
    }
  }

  return {
    mend: async (now) => {
      const offset = now - clock.monotonic()
      const isBack = offset < ahead - stepMs
      if (!isBack) ahead = Math.max(ahead, offset)
      if (!isBack || isMending) return false
      isMending = true
      const mended = mendAll()
        // Only then: what could not be mended is looked for again.
        .then(() => {
          ahead = offset
        })
        .finally(() => {
          isMending = false
        })
      await waitAtMost(patienceMs, mended)
      return true
    },
  }
}
