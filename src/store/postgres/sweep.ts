import type { Database } from './database.ts'
import type { Pointer, Pointers } from './pointers.ts'

/** Enough to go through a million rows in seconds, and written in much less than a time-out. */
const rowsPerPage = 5_000

/**
 * Gives a pointer job to rows that are overdue without one: somebody deleted or failed the job. (Leases that are over need
 * none, they are looked for.) All processes together go through what is overdue, page by page; how far they are is a row of
 * its own, which is locked by the one whose turn it is.
 * @returns whether there is more to go through
 */
export const sweepPage = (
  database: Database,
  { schema, pointers }: { schema: string; pointers: Pointers },
): Promise<boolean> =>
  database.transact(async (client, commitWith) => {
    const { rows: turns } = await client.query(
      `SELECT number::float8 AS wake, encode(value, 'hex')::uuid AS key FROM ${schema}.meta WHERE name = 'swept'
       FOR UPDATE SKIP LOCKED`,
    )
    if (!turns[0]) return false
    const { wake, key } = turns[0]
    const { rows } = await client.query(
      `WITH page AS MATERIALIZED (
         SELECT key, wake FROM ${schema}.contacts
         WHERE wake <= (SELECT ${schema}.now_ms()) AND lease IS NULL AND ($1::bigint IS NULL OR (wake, key) > ($1, $2::uuid))
         ORDER BY wake, key LIMIT ${rowsPerPage}
       ), bare AS MATERIALIZED (SELECT key, wake FROM page AS c WHERE NOT (${pointers.exists}))
       SELECT (SELECT count(*)::integer FROM page) AS size, (SELECT json_agg(bare) FROM bare) AS bare,
         (SELECT json_build_object('wake', wake, 'key', key) FROM page ORDER BY page.wake DESC, page.key DESC LIMIT 1) AS last`,
      [wake, key],
    )
    const { size, bare, last } = rows[0] as { size: number; bare: Pointer[] | null; last: Pointer | null }
    const hasMore = size === rowsPerPage
    if (!bare && !hasMore && wake === null) return false
    const next = hasMore ? last : undefined
    await commitWith(
      client.query(
        `UPDATE ${schema}.meta SET number = $1, value = decode(replace($2, '-', ''), 'hex') WHERE name = 'swept'`,
        [next?.wake, next?.key],
      ),
      pointers.set(client, bare ?? []),
    )
    return hasMore
  })
