import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/ports.ts'
import type { Moving } from '../../src/store/moving.ts'
import { migrate } from '../../src/store/postgres/schema.ts'
import { type PostgresOptions, postgres } from '../../src/store/postgres.ts'
import type { Claim, Store } from '../../src/store/store.ts'
import { type FakeClock, fakeClock } from '../clock.ts'
import { heavy } from '../is-all.ts'
import { claimOf, describeDurableStore, describeStore } from './conformance.ts'
import { describeMoving } from './moving.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

describe('PostgreSQL', heavy, () => {
  let server: PostgresServer
  let url: string
  beforeAll(async () => {
    server = await startPostgres()
    url = await server.createDatabase()
  })
  afterAll(() => server?.stop())

  const query = async (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query(text, values)).rows
    } finally {
      await client.end()
    }
  }

  let schemas = 0
  const opened: Store[] = []
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close()
  })

  /** An empty store, in a schema of its own. */
  const open = (options: Partial<PostgresOptions> = {}): Promise<Store> =>
    postgres({ url, schema: `orq${++schemas}`, collectMs: 0, ...options })

  /**
   * A store in whose database it is the clock's time: the two functions that tell the time there, ours and pg-boss's, read
   * a table that is set before each call.
   */
  const openAt = async (clock: FakeClock, key?: Uint8Array): Promise<Store> => {
    const store = await open({ clock, key })
    const schema = `orq${schemas}`
    await query(`CREATE TABLE ${schema}.clock AS SELECT 0::bigint AS ms;
      CREATE OR REPLACE FUNCTION ${schema}.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS
        'SELECT ms FROM ${schema}.clock';
      CREATE OR REPLACE FUNCTION ${schema}_pgboss.job_now() RETURNS timestamptz LANGUAGE sql STABLE AS
        'SELECT to_timestamp(ms / 1000.0) FROM ${schema}.clock'`)
    const setter = new pg.Client({ connectionString: url, pipeline: true })
    await setter.connect()
    const timed = <T extends object>(methods: T): T =>
      Object.fromEntries(
        Object.entries(methods).map(([name, value]) => [
          name,
          typeof value === 'function' ? atTime(name, value) : value,
        ]),
      ) as T
    const atTime =
      (name: string, method: (...given: unknown[]) => unknown) =>
      async (...given: unknown[]) => {
        await setter.query(`UPDATE ${schema}.clock SET ms = $1`, [clock.now()])
        const result = await method(...given)
        if (name === 'close') await setter.end()
        return result
      }
    const { moving, ...methods } = store
    const { key: keyOf, ...others } = moving as Moving
    return { ...timed(methods), moving: { key: keyOf, ...timed(others) } }
  }

  /** Stores of several processes, on one schema. */
  const openSeveral = async (...options: Partial<PostgresOptions>[]): Promise<[Store, Store, string]> => {
    const schema = `orq${++schemas}`
    const stores = await Promise.all(options.map((some) => open({ schema, ...some })))
    opened.push(...stores)
    return [stores[0] as Store, stores[1] as Store, schema]
  }
  const put = (store: Store, externalId: string, fields = {}, claim = true) =>
    store.put({ externalId, fields }, { claim })
  /** What is claimed within a minute, by asking as the dispatcher does. */
  const claimSoon = async (store: Store): Promise<Claim> => {
    const taken: Claim[] = []
    const ask = async (): Promise<number> => taken.push(...(await store.claim(9)))
    await expect.poll(ask, { timeout: 60_000, interval: 200 }).toBe(1)
    return taken[0] as Claim
  }

  describeStore('PostgreSQL', openAt)
  describeDurableStore('PostgreSQL', openAt)
  describeMoving('PostgreSQL', openAt)

  describe('two processes on one database', () => {
    test('start at the same time on an empty one', async () => {
      const [a, b] = await openSeveral({}, {})
      await put(a, 'u1', { email: 'a@b.c' }, false)
      expect(await b.claim(9)).toMatchObject([{ externalId: 'u1', fields: { email: 'a@b.c' } }])
    })

    test('that write a new contact at once join: nothing is lost, and no version is used twice', async () => {
      const [a, b] = await openSeveral({}, {})
      const versions: number[] = []
      for (let round = 0; round < 10; round++) {
        const id = `u${round}`
        const results = await Promise.all([
          ...[1, 2, 3].map((i) => put(a, id, { tags: [`${i}`] }, false)),
          ...[1, 2, 3].map((i) => put(b, id, { email: `${i}@b.c` }, false)),
        ])
        for (const result of results) if (result.kind === 'stored') versions.push(result.version)
        expect(await a.claim(9)).toMatchObject([{ externalId: id, fields: { tags: ['3'], email: '3@b.c' } }])
      }
      expect(new Set(versions).size).toBe(60)
    })

    test('never hold one contact both', async () => {
      const [a, b] = await openSeveral({}, {})
      await Promise.all(Array.from({ length: 40 }, (_, i) => put(i % 2 ? a : b, `u${i}`, {}, false)))
      const taken: string[] = []
      while (taken.length < 40) {
        const claims = await Promise.all([a.claim(7), b.claim(7), a.claim(7)])
        for (const { externalId } of claims.flat()) taken.push(externalId)
      }
      expect(new Set(taken).size).toBe(40)
      expect([await a.claim(9), await b.claim(9)]).toEqual([[], []])
    })

    test('whose clocks are an hour apart wait for a back-off as long as it is, and count time by their own clock', async () => {
      const clock = { ...systemClock, now: () => Date.now() + 3_600_000 }
      const [a, b] = await openSeveral({}, { clock })
      await b.retry(claimOf(await put(b, 'u1')), clock.now() + 300, '503 unavailable')
      const claim = await claimSoon(a)
      expect(Math.abs(Date.now() - claim.pendingSince)).toBeLessThan(60_000)
      await a.retry(claim, Date.now() + 300, '503 unavailable')
      expect(Math.abs(clock.now() - (await claimSoon(b)).pendingSince)).toBeLessThan(60_000)
    })

    test('one of which gives back what it held: the other has it at once', async () => {
      const [a, b] = await openSeveral({}, {})
      const claim = claimOf(await put(a, 'u1', { email: 'a@b.c' }))
      await a.release([claim])
      expect(await b.claim(9)).toMatchObject([{ externalId: 'u1' }])
    })
  })

  test('finds by its id what was put in the same transaction, and drops it there', async () => {
    const store = await open()
    opened.push(store)
    const id = store.pseudonym?.('u1') as string
    const fields = { email: 'a@b.c' }
    const [, requeued, dropped] = await Promise.all([put(store, 'u1', fields), store.requeue(id), store.drop(id)])
    expect(requeued).toMatchObject({ id, externalId: 'u1', state: 'leased', fields })
    expect(dropped).toEqual({ ...requeued, since: expect.any(Number), due: expect.any(Number) })
    expect(await store.list({ limit: 9 })).toEqual([])
    expect(await store.drop(id)).toBeUndefined()
    expect(await store.drop(id.slice(0, 8))).toBeUndefined()
  })

  test('F24: what cannot be mended when a clock was set back is mended later, and keeps back nothing else', async () => {
    const clock = fakeClock()
    const store = await openAt(clock)
    const schema = `orq${schemas}`
    opened.push(store)
    const ahead = claimOf(await put(store, 'ahead'))
    await store.retry(ahead, clock.now() + 500, '503 unavailable')
    expect(await store.claim(9)).toEqual([])
    clock.set(clock.now() - 3_600_000)
    await put(store, 'due', {}, false)
    const admin = new pg.Client({ connectionString: url })
    await admin.connect()
    try {
      await admin.query('BEGIN')
      await admin.query(`SELECT FROM ${schema}.contacts WHERE key = $1 FOR UPDATE`, [await store.pseudonym?.('ahead')])
      await expect.poll(() => store.claim(9)).toMatchObject([{ externalId: 'due' }])
    } finally {
      await admin.end()
    }
    await expect.poll(() => store.claim(9)).toMatchObject([{ externalId: 'ahead' }])
  })

  describe('a pointer job', () => {
    test.each([
      ['F28: deleted', 'DELETE FROM %_pgboss.job'],
      ['F29: failed', "UPDATE %_pgboss.job SET state = 'failed', completed_on = now()"],
      ['completed', "UPDATE %_pgboss.job SET state = 'completed', completed_on = now()"],
      ['taken', "UPDATE %_pgboss.job SET state = 'active', started_on = now()"],
    ])('%s by hand is made anew within a minute', { timeout: 90_000 }, async (_, text) => {
      const [store, , schema] = await openSeveral({})
      await store.retry(claimOf(await put(store, 'u1', { email: 'a@b.c' })), Date.now() + 500, '503 unavailable')
      await query(text.replace('%', schema))
      expect(await claimSoon(store)).toMatchObject({ externalId: 'u1', attempts: 1 })
    })

    test('that cannot be made anew: told each time', async () => {
      const [store, , schema] = await openSeveral({})
      const heard: unknown[] = []
      store.onUpkeepFailure?.((error) => heard.push(error))
      await query(`ALTER TABLE ${schema}_pgboss.job RENAME COLUMN state TO status`)
      await put(store, 'u1', {}, false).catch(() => {})
      await expect.poll(() => heard, { timeout: 60_000 }).toContainEqual(expect.objectContaining({ code: '42703' }))
    })

    test('that comes too early, or points at nothing, is no harm and goes away', async () => {
      const [store, , schema] = await openSeveral({})
      await store.retry(claimOf(await put(store, 'later')), Date.now() + 60_000, '503 unavailable')
      await put(store, 'gone', {}, false)
      await query(`DELETE FROM ${schema}.contacts WHERE wake < ${schema}.now_ms()`)
      await query(`UPDATE ${schema}_pgboss.job SET start_after = now()`)
      expect(await store.claim(9)).toEqual([])
      const jobs = await query(`SELECT start_after > now() + interval '50 s' AS "isLater" FROM ${schema}_pgboss.job`)
      expect(jobs).toEqual([{ isLater: true }])
    })

    test('of a row that cannot be read stops no other', async () => {
      const [store, , schema] = await openSeveral({})
      await put(store, 'damaged', {}, false)
      await query(`UPDATE ${schema}.contacts SET payload = '{'`)
      await put(store, 'u1', {}, false)
      expect(await store.claim(9)).toMatchObject([{ externalId: 'u1' }])
      expect(await store.claim(9)).toEqual([])
      expect(
        await query(`SELECT wake > ${schema}.now_ms() AS later FROM ${schema}.contacts WHERE payload = '{'`),
      ).toEqual([{ later: true }])
    })
  })

  describe('the database', () => {
    test('with a damaged row: its contact can be erased', async () => {
      const [store, , schema] = await openSeveral({})
      await put(store, 'damaged', {}, false)
      await query(`UPDATE ${schema}.contacts SET payload = '{', ledger = '{'`)
      await store.purge('damaged', 0)
      expect(await store.list({ limit: 9 })).toEqual([])
      expect(await put(store, 'damaged')).toMatchObject({ kind: 'stored' })
    })

    test('holds nothing of a person once all is delivered, and pg-boss never does', async () => {
      const [store, , schema] = await openSeveral({})
      const text = async (table: string): Promise<string> =>
        JSON.stringify(await query(`SELECT to_jsonb(t) FROM ${schema}${table} AS t`))
      const claim = claimOf(await put(store, 'id-CANARY', { email: 'CANARY@b.c' }))
      await store.retry(claim, Date.now(), '503 unavailable')
      expect(await text('.contacts')).toContain('CANARY')
      expect(await text('_pgboss.job')).toMatch(/start_after/)
      expect(await text('_pgboss.job')).not.toContain('CANARY')
      await store.done(await claimSoon(store))
      expect(await text('.contacts')).not.toContain('CANARY')
      expect(await text('_pgboss.job')).toBe('[]')
      expect(await put(store, 'id-CANARY', { email: 'CANARY@b.c' })).toEqual({ kind: 'unchanged' })
    })

    test('loses rows with nothing in them a week after their last update', async () => {
      const clock = fakeClock()
      const store = await openAt(clock)
      const schema = `orq${schemas}`
      opened.push(store)
      await store.done(claimOf(await put(store, 'empty')))
      await put(store, 'pending', {}, false)
      await store.park(claimOf(await put(store, 'parked', { tags: [] })), ['tags', 'external_id'], '422 refused')
      const rows = async (): Promise<number> => (await query(`SELECT FROM ${schema}.contacts`)).length
      await clock.advance(6 * 86_400_000)
      await store.check()
      expect(await rows()).toBe(3)
      await clock.advance(86_400_000)
      await store.check()
      // Nobody else's time passes: the database's is the clock's only when it is asked for something.
      const later = async (): Promise<number> => {
        await clock.advance(60_000)
        await store.check()
        return rows()
      }
      await expect.poll(later).toBe(2)
      expect(await store.stats()).toMatchObject({ pending: 1, parked: 1 })
    })

    test('fails one bad put alone', async () => {
      const [store] = await openSeveral({})
      const results = await Promise.allSettled([
        put(store, 'u1', { email: 'a@b.c' }),
        store.put({ externalId: 'u2', fields: { metadata: { n: 1n as never } } }, { claim: true }),
        put(store, 'u3', { email: 'a@b.c' }),
      ])
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect(await store.stats()).toMatchObject({ pending: 2 })
    })
  })

  describe('a schema', () => {
    const migrateTo = async (all?: string[]): Promise<unknown> => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      return migrate(client, `orq${schemas}`, { all }).finally(() => client.end())
    }
    const tables = async (): Promise<unknown[]> =>
      (await query('SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1', [`orq${schemas}`])).map(
        ({ tablename }) => tablename,
      )

    test('is migrated in one transaction: a step that fails leaves what there was', async () => {
      schemas++
      await migrateTo(['CREATE TABLE a ()'])
      await expect(migrateTo(['CREATE TABLE a ()', 'CREATE TABLE b (); CREATE TABLE b ()'])).rejects.toThrow()
      expect(await tables()).toEqual(['a', 'meta'])
      await migrateTo(['CREATE TABLE a ()', 'CREATE TABLE b ()'])
      expect(await tables()).toEqual(['a', 'b', 'meta'])
    })

    test('F22: of a later version is refused', async () => {
      const [, , schema] = await openSeveral({})
      await query(`UPDATE ${schema}.meta SET number = number + 1 WHERE name = 'schema'`)
      await expect(open({ schema })).rejects.toThrow(/^the schema orq\d+ was written by a later version/)
    })

    test('has a key of its own: a hash of one tells nothing about another', async () => {
      const [first, , a] = await openSeveral({})
      const [second, , b] = await openSeveral({})
      for (const store of [first, second]) await store.done(claimOf(await put(store, 'u1', { email: 'a@b.c' })))
      const rows = await query(`SELECT key, ledger FROM ${a}.contacts UNION SELECT key, ledger FROM ${b}.contacts`)
      expect(new Set(rows.flatMap(({ key, ledger }) => [key, ledger])).size).toBe(4)
    })
  })
})
