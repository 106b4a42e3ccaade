// @module-tag heavy
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../store/postgres-server.ts'
import { type Authority, createAuthority, noCertificates } from './certificates.ts'
import { createMachine, type Machine } from './machine.ts'
import { hasPooler, startPooler } from './pooler.ts'
import { startRecorder } from './recorder.ts'

/** One line that names the setting and holds a hint, status 2, and nothing of the URL's secret. */
const expectRefused = async (machine: Machine, env: Record<string, string>, message: RegExp) => {
  const { status, output } = await machine.run(env)
  expect(output).toMatch(message)
  expect(output).toMatch(/^ORQ_STORE: .*; .+\n$/)
  expect(output).not.toMatch(/CANARY|secret/)
  expect(status).toBe(2)
}

describe('orq-identify proxy', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server?.stop())

  const open = async (url: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    onTestFinished(() => client.end())
    return client
  }
  const withDatabase = async () => {
    const machine = createMachine(await startRecorder())
    machine.hasFile = false
    const url = await server.createDatabase()
    return { machine, url, admin: await open(url) }
  }
  const runOnce = async (machine: Machine, env: Record<string, string>): Promise<void> => {
    const proxy = await machine.start({ env })
    expect((await machine.send(proxy, 'u1')).status).toBe(200)
    proxy.kill('SIGTERM')
    expect(await proxy.ended).toBe(0)
  }

  test('does not start beside tables of a later pg-boss, which would go on with them', async () => {
    const { machine, url, admin } = await withDatabase()
    await runOnce(machine, { ORQ_STORE: url })
    await admin.query('UPDATE orq_pgboss.version SET version = version + 1')
    await expectRefused(machine, { ORQ_STORE: url }, /has tables of a later pg-boss \(schema \d+, this one knows \d+\)/)
    await admin.query('UPDATE orq_pgboss.version SET version = version - 1')
    await runOnce(machine, { ORQ_STORE: url })
  })

  test('brings a store of an earlier version to its own', async () => {
    const { machine, url, admin } = await withDatabase()
    // As one that was made and stopped before its first step.
    await admin.query(`CREATE SCHEMA orq; CREATE SCHEMA orq_pgboss;
      CREATE TABLE orq.meta (name text PRIMARY KEY, value bytea, number bigint);
      INSERT INTO orq.meta VALUES ('key', '\\x${'00'.repeat(32)}', NULL), ('schema', NULL, 0), ('checked', NULL, 0)`)
    await runOnce(machine, { ORQ_STORE: url })
    expect((await admin.query("SELECT number > 0 AS up FROM orq.meta WHERE name = 'schema'")).rows).toEqual([
      { up: true },
    ])
  })

  test('does not start where it may have fewer connections than its pool is to have', async () => {
    const { machine, url, admin } = await withDatabase()
    await admin.query("CREATE ROLE few LOGIN PASSWORD 'secret' CONNECTION LIMIT 3")
    await admin.query(`GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO few`)
    const own = new URL(url)
    own.username = 'few'
    await expectRefused(machine, { ORQ_STORE: own.href }, /finds no free connection \(53300\); .*lower ORQ_STORE_POOL/)
    const theirs = async () => (await admin.query("SELECT FROM pg_stat_activity WHERE usename = 'few'")).rowCount
    await expect.poll(theirs).toBe(0)
    await runOnce(machine, { ORQ_STORE: own.href, ORQ_STORE_POOL: '2' })
  })

  describe.skipIf(!hasPooler)('does not start behind a pooler', () => {
    const dropping = 'ignore_startup_parameters = lock_timeout,statement_timeout,idle_in_transaction_session_timeout'
    test.each<[string, string[], RegExp]>([
      [
        'that gives sessions by transaction',
        ['pool_mode = transaction'],
        /a pooler that refuses our settings \(08P01\)/,
      ],
      [
        'that drops our settings',
        ['pool_mode = transaction', dropping],
        /reached through a pooler that drops settings/,
      ],
      [
        'of sessions that drops them',
        ['pool_mode = session', dropping],
        /reached through a pooler that drops settings/,
      ],
    ])('%s, and says whose URL to give', async (_, settings, message) => {
      const { machine, url } = await withDatabase()
      const pooled = await startPooler(url, settings)
      expect((await (await open(pooled)).query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      await expectRefused(machine, { ORQ_STORE: pooled }, message)
      await expectRefused(machine, { ORQ_STORE: pooled }, /give the URL of PostgreSQL itself/)
    })
  })

  describe.skipIf(noCertificates !== undefined)('over TLS', () => {
    let ours: Authority
    let other: Authority
    let folder: string
    const atEnd: (() => void)[] = []
    beforeAll(async () => {
      ours = createAuthority((task) => atEnd.push(task))
      other = createAuthority((task) => atEnd.push(task))
      folder = mkdtempSync(join(tmpdir(), 'orq-tls-'))
      atEnd.push(() => rmSync(folder, { recursive: true, force: true }))
      writeFileSync(join(folder, 'no-certificate.pem'), 'CANARY')
    })
    afterAll(() => {
      for (const task of atEnd) task()
    })

    /** From now on new connections meet this certificate. @returns the URL by the host's name */
    const present = async ({ url, admin }: { url: string; admin: pg.Client }, validity?: readonly [string, string]) => {
      const { key, cert } = ours.issue('localhost', validity)
      // By the server itself: it takes a key only from a file of its own user.
      for (const [file, text] of [
        ['server.key', key],
        ['server.crt', cert],
      ] as const)
        await admin.query(
          `COPY (SELECT unnest(string_to_array('${text.trim()}', E'\\n'))) TO PROGRAM 'umask 077 && cat > ${file}'`,
        )
      await admin.query('ALTER SYSTEM SET ssl = on')
      await admin.query('SELECT pg_reload_conf()')
      const named = new URL(url)
      named.hostname = 'localhost'
      const isPresented = async (): Promise<boolean> => {
        const client = new pg.Client({
          connectionString: named.href,
          ssl: { ca: readFileSync(ours.path, 'utf8'), checkServerIdentity: () => undefined },
        })
        const failure = await client.connect().then(
          () => '',
          (error: { code?: string }) => String(error.code),
        )
        await client.end().catch(() => {})
        return validity ? failure === 'CERT_HAS_EXPIRED' : failure === ''
      }
      await expect.poll(isPresented, { timeout: 20_000 }).toBe(true)
      return named
    }
    const withQuery = (url: URL, query: string): string => Object.assign(new URL(url), { search: query }).href

    test.each(['verify-full', 'require', 'verify-ca'])(
      'with sslmode=%s trusts who has a certificate of the named CA, on every connection and without a warning',
      async (mode) => {
        const { machine, url, admin } = await withDatabase()
        const named = await present({ url, admin })
        const store = withQuery(named, `sslmode=${mode}&sslrootcert=${encodeURIComponent(ours.path)}`)
        const proxy = await machine.start({ env: { ORQ_STORE: store } })
        expect((await machine.send(proxy, 'u1')).status).toBe(200)
        const { rows } = await admin.query(
          `SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
           WHERE application_name = 'orq-identify' AND datname = current_database()`,
        )
        expect(rows).toEqual([{ ssl: true }])
        expect(proxy.output()).not.toMatch(/warning/i)
      },
    )

    test('trusts nobody else, and says what to do', async () => {
      const { machine, url, admin } = await withDatabase()
      const named = await present({ url, admin })
      const ca = `sslrootcert=${encodeURIComponent(ours.path)}`
      const cases: [query: string, message: RegExp, from?: URL][] = [
        ['sslmode=verify-full', /is not trusted: its certificate was not accepted/],
        ['sslmode=require', /is not trusted: its certificate was not accepted/],
        ['uselibpqcompat=true&sslmode=require', /is not trusted: its certificate was not accepted/],
        [`sslmode=verify-full&sslrootcert=${encodeURIComponent(other.path)}`, /was not accepted .*sslrootcert=FILE/],
        [`sslmode=verify-full&${ca}`, /certificate is one of another host/, new URL(url)],
        [`sslmode=verify-ca&${ca}`, /certificate is one of another host/, new URL(url)],
        ['sslmode=no-verify', /trusted whoever it is/],
        ['ssl=no-verify', /trusted whoever it is/],
        ['sslmode=verify-full&sslrootcert=/no/CANARY.pem', /names a file that cannot be read \(ENOENT\)/],
        [`sslmode=verify-full&sslrootcert=${folder}/no-certificate.pem`, /is not trusted: its certificate was not acc/],
      ]
      for (const [query, message, from = named] of cases)
        await expectRefused(machine, { ORQ_STORE: withQuery(from, query) }, message)
      await expectRefused(machine, { ORQ_STORE: named.href, PGSSLMODE: 'no-verify' }, /trusted whoever it is/)
    }, 120_000)

    test('does not trust a certificate that has expired', async () => {
      const { machine, url, admin } = await withDatabase()
      const named = await present({ url, admin }, ['20200101000000Z', '20210101000000Z'])
      const store = withQuery(named, `sslmode=verify-full&sslrootcert=${encodeURIComponent(ours.path)}`)
      await expectRefused(machine, { ORQ_STORE: store }, /its certificate has expired \(CERT_HAS_EXPIRED\)/)
    })
  })
})
