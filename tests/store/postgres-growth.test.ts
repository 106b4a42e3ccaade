import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { postgres } from '../../src/store/postgres.ts'
import type { Store } from '../../src/store/store.ts'
import { heavy } from '../is-all.ts'
import { claimOf } from './conformance.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

describe('PostgreSQL, as a table grows', heavy, () => {
  let server: PostgresServer
  beforeAll(async () => {
    // What a statement reads must not depend on who has counted the rows lately.
    server = await startPostgres(['autovacuum=off'])
  })
  afterAll(() => server?.stop())

  const openNew = async () => {
    const url = await server.createDatabase()
    const store = await postgres({ url, collectMs: 0 })
    const admin = new pg.Client({ connectionString: url })
    await admin.connect()
    onTestFinished(() => admin.end())
    const query = async (text: string): Promise<Record<string, unknown>[]> => (await admin.query(text)).rows
    /** All rows and entries of indexes that were read so far. A connection tells what it has read when it ends. */
    const readsOf = async (closed: Store): Promise<number> => {
      await closed.close()
      const others = `SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`
      await expect.poll(async () => (await query(others)).length).toBe(0)
      const rows = await query(
        `SELECT (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relid = 'orq.contacts'::regclass)::integer
           + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relid = 'orq.contacts'::regclass)::integer AS n`,
      )
      return rows[0]?.['n'] as number
    }
    return { store, query, readsOf }
  }

  test('an update reads its own row and no others, also by a connection that has known the table empty', async () => {
    const { store, readsOf } = await openNew()
    const [contacts, group] = [2_000, 10]
    for (let first = 0; first < contacts; first += group) {
      const ids = Array.from({ length: group }, (_, i) => `u${first + i}`)
      const results = await Promise.all(ids.map((externalId) => store.put({ externalId, fields: {} }, { claim: true })))
      await Promise.all(results.map((result) => store.done(claimOf(result))))
    }
    const reads = await readsOf(store)
    // To put a row and to settle it: found once to be locked and once to be written, older versions of it among them.
    expect(reads).toBeGreaterThan(contacts)
    expect(reads).toBeLessThan(10 * contacts)
  })

  test('a look for what has come due reads nothing of the many that wait for their time', async () => {
    const { store, query, readsOf } = await openNew()
    const waiting = 5_000
    await store.retry(
      claimOf(await store.put({ externalId: 'u1', fields: {} }, { claim: true })),
      Date.now() + 3_600_000,
      '503 unavailable',
    )
    const [columns] = await query(
      `SELECT string_agg(attname, ', ') AS names FROM pg_attribute
       WHERE attrelid = 'orq.contacts'::regclass AND attnum > 0 AND attname <> 'key'`,
    )
    const copied = await query(`INSERT INTO orq.contacts (key, ${columns?.['names']})
      SELECT gen_random_uuid(), ${columns?.['names']} FROM orq.contacts, generate_series(1, ${waiting}) RETURNING key`)
    expect(copied).toHaveLength(waiting)
    for (let looks = 0; looks < 20; looks++) expect(await store.claim(9)).toEqual([])
    // The first look of a process reads them all once: the clock may have been set back.
    expect(await readsOf(store)).toBeLessThan(2 * waiting)
  })
})
