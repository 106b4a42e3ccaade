import pg from 'pg'
import { afterAll, beforeAll, describe } from 'vitest'
import { type PostgresOptions, postgres } from '../../src/store/postgres.ts'
import type { Store } from '../../src/store/store.ts'
import type { FakeClock } from '../clock.ts'
import { describeDurableStore, describeStore } from './conformance.ts'
import { hasPostgres, type PostgresServer, startPostgres } from './postgres-server.ts'

describe.skipIf(!hasPostgres)('PostgreSQL', () => {
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
  /** An empty store, in a schema of its own. */
  const open = (options: Partial<PostgresOptions> = {}): Promise<Store> =>
    postgres({ url, schema: `orq${++schemas}`, collectMs: 0, ...options })

  /**
   * A store in whose database it is the clock's time: the two functions that tell the time there, ours and pg-boss's, read
   * a table that is set before each call.
   */
  const openAt = async (clock: FakeClock): Promise<Store> => {
    const store = await open({ clock })
    const schema = `orq${schemas}`
    await query(`CREATE TABLE ${schema}.clock AS SELECT 0::bigint AS ms;
      CREATE OR REPLACE FUNCTION ${schema}.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS
        'SELECT ms FROM ${schema}.clock';
      CREATE OR REPLACE FUNCTION ${schema}_pgboss.job_now() RETURNS timestamptz LANGUAGE sql STABLE AS
        'SELECT to_timestamp(ms / 1000.0) FROM ${schema}.clock'`)
    const setter = new pg.Client({ connectionString: url, pipeline: true })
    await setter.connect()
    const methods = Object.entries(store).map(([name, value]) => [
      name,
      typeof value !== 'function'
        ? value
        : async (...given: unknown[]) => {
            await setter.query(`UPDATE ${schema}.clock SET ms = $1`, [clock.now()])
            const result = await value(...given)
            if (name === 'close') await setter.end()
            return result
          },
    ])
    return Object.fromEntries(methods)
  }

  describeStore('PostgreSQL', openAt)
  describeDurableStore('PostgreSQL', openAt)
})
