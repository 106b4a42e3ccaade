import type { Database } from './database.ts'

const keptMs = 7 * 86_400_000
const rowsPerPage = 2_000
/** A table that grows faster than it is gone through outgrows its time by this part at most: then it is gone on with. */
const muchPart = 0.1
const firstKey = '00000000-0000-0000-0000-000000000000'

/** Goes through the table, a page at a time, and removes rows with nothing in them. */
export interface Prune {
  /** @returns whether it found much to remove */
  page(): Promise<boolean>
}

export const createPrune = (database: Database, schema: string): Prune => {
  let last = firstKey
  return {
    page: async () => {
      const [row] = await database.query(
        `WITH page AS MATERIALIZED (
           SELECT key FROM ${schema}.contacts WHERE key > $1 ORDER BY key LIMIT ${rowsPerPage}
         ), old AS MATERIALIZED (
           SELECT key FROM ${schema}.contacts WHERE key = ANY(ARRAY(SELECT key FROM page))
             AND payload IS NULL AND parked IS NULL AND updated < ${schema}.now_ms() - $2
           FOR UPDATE SKIP LOCKED
         ), deleted AS (
           DELETE FROM ${schema}.contacts WHERE key = ANY(ARRAY(SELECT key FROM old)) RETURNING key
         )
         SELECT (SELECT max(key::text) FROM page) AS last, (SELECT count(*)::integer FROM deleted) AS deleted`,
        [last, keptMs],
      )
      last = (row?.['last'] as string | null) ?? firstKey
      return (row?.['deleted'] as number) >= rowsPerPage * muchPart
    },
  }
}
