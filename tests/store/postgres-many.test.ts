import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { postgres } from '../../src/store/postgres.ts'
import { heavy } from '../is-all.ts'
import { claimOf } from './conformance.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

const many = Number(process.env['ORQ_MANY'] ?? 25_000)

describe(`PostgreSQL with ${many} rows`, { ...heavy, timeout: 120_000 + many / 5 }, () => {
  let server: PostgresServer
  beforeAll(async () => {
    // As little is known of the tables as right after they were filled.
    server = await startPostgres(['autovacuum=off'])
  })
  afterAll(() => server?.stop())

  const open = async () => {
    const url = await server.createDatabase()
    const admin = new pg.Client({ connectionString: url })
    await admin.connect()
    onTestFinished(() => admin.end())
    const openStore = async () => {
      const store = await postgres({ url, collectMs: 0 })
      onTestFinished(() => store.close())
      return store
    }
    const store = await openStore()
    const query = async (text: string, values?: unknown[]): Promise<Record<string, unknown>[]> =>
      (await admin.query(text, values)).rows
    const { names } = (
      await query(
        `SELECT string_agg(attname, ', ') AS names FROM pg_attribute
       WHERE attrelid = 'orq.contacts'::regclass AND attnum > 0 AND attname <> 'key'`,
      )
    ).at(0) as { names: string }
    /** So many more like the row of a contact, and its job where it has one. */
    const multiply = async (id: string, count: number): Promise<void> => {
      const key = store.pseudonym?.(id)
      const { jobs } = (
        await query(
          `SELECT string_agg(attname, ', ') AS jobs FROM pg_attribute
         WHERE attrelid = 'orq_pgboss.job'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'id'`,
        )
      ).at(0) as { jobs: string }
      await query(
        `WITH keys AS MATERIALIZED (SELECT gen_random_uuid() AS new FROM generate_series(1, ${count})),
         rows AS (INSERT INTO orq.contacts (key, ${names}) SELECT new, ${names} FROM orq.contacts, keys WHERE key = $1)
         INSERT INTO orq_pgboss.job (id, ${jobs}) SELECT new, ${jobs} FROM orq_pgboss.job, keys WHERE id = $1`,
        [key],
      )
    }
    const count = async (table: string, where: string): Promise<number> =>
      (await query(`SELECT count(*)::integer AS n FROM orq${table} WHERE ${where}`))[0]?.['n'] as number
    return { store, openStore, query, multiply, count }
  }

  test('F28, F29: whose jobs somebody deletes and fails has them all again within a minute', async () => {
    const { store, openStore, query, multiply, count } = await open()
    await store.put({ externalId: 'u1', fields: {} }, { claim: false })
    await multiply('u1', many - 1)
    expect(await count('_pgboss.job', "state = 'created'")).toBe(many)
    await query(`DELETE FROM orq_pgboss.job WHERE id < '80000000-0000-0000-0000-000000000000'`)
    await query(`UPDATE orq_pgboss.job SET state = 'failed', completed_on = now()`)
    const start = performance.now()
    await expect
      .poll(async () => (await query("SELECT FROM orq.meta WHERE name = 'swept' AND number > 0")).length, {
        interval: 20,
        timeout: 90_000,
      })
      .toBe(1)
    // Another process, while it is on its way.
    await openStore()
    await expect.poll(() => count('_pgboss.job', "state = 'created'"), { timeout: 60_000 + many / 10 }).toBe(many)
    console.log(`F28: ${many} jobs anew after ${Math.round(performance.now() - start)} ms`)
    expect(await count('_pgboss.job', 'true')).toBe(many)
    expect(await store.claim(9)).toHaveLength(9)
  })

  test('gives what a dead process held to the next one, however many others are due', async () => {
    const { store, query, multiply } = await open()
    await store.put({ externalId: 'u1', fields: {} }, { claim: false })
    await multiply('u1', many)
    const held = 10
    for (let i = 0; i < held; i++) await store.put({ externalId: `held${i}`, fields: { tags: [] } }, { claim: true })
    await query('UPDATE orq.contacts SET wake = wake - 40000 WHERE lease IS NOT NULL')
    const taken: string[] = []
    for (let looks = 0; looks < held; looks++)
      taken.push(...(await store.claim(8)).map(({ externalId }) => externalId).filter((id) => id !== 'u1'))
    expect(taken).toHaveLength(held)
  })

  test('of which most have had nothing in them for a week is rid of those at once', async () => {
    const { store, openStore, query, multiply, count } = await open()
    await store.done(claimOf(await store.put({ externalId: 'u1', fields: {} }, { claim: true })))
    await store.put({ externalId: 'waits', fields: {} }, { claim: false })
    await multiply('u1', many)
    await query('UPDATE orq.contacts SET updated = updated - 8 * 86400000')
    await openStore()
    await expect.poll(() => count('.contacts', 'true'), { timeout: 30_000 + many / 10 }).toBe(1)
  })

  test('that a clock which was ahead has put off has them due when it is set back', async () => {
    const { store, openStore, query, multiply, count } = await open()
    const claim = claimOf(await store.put({ externalId: 'u1', fields: {} }, { claim: true }))
    await store.retry(claim, Date.now() + 9_000, '503 unavailable')
    await multiply('u1', many - 1)
    await query('UPDATE orq.contacts SET wake = wake + 86400000')
    const other = await openStore()
    const start = performance.now()
    // The jobs are due all the same, and each that points at nothing due is set anew.
    await expect.poll(() => other.claim(9), { timeout: 30_000 }).toHaveLength(9)
    const putOff = () => count('.contacts', 'wake > orq.now_ms() AND lease IS NULL')
    const stillPutOff = async () => {
      // What could not be mended is tried again with the next look.
      await other.claim(1).catch(() => [])
      return putOff()
    }
    await expect.poll(stillPutOff, { timeout: 30_000 + many / 5 }).toBe(0)
    console.log(`F24: ${many} rows due after ${Math.round(performance.now() - start)} ms`)
  })
})
