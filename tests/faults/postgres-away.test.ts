// @module-tag heavy
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../store/postgres-server.ts'
import { startStandby } from '../store/postgres-standby.ts'
import { startBalancer } from './balancer.ts'
import { createMachine, type Machine, type Running } from './machine.ts'
import { startRecorder } from './recorder.ts'
import { startWire } from './wire.ts'

const withPort = (url: string, of: string): string => Object.assign(new URL(url), { port: new URL(of).port }).href

const isReady = async (proxy: Running): Promise<boolean> => (await fetch(`${proxy.adminUrl}/readyz`)).status === 200

/** When its log told of an event, by its own clock. */
const timeOf = (proxy: Running, event: string): number => {
  const line = proxy.output().match(new RegExp(`^.*"event":"${event}".*$`, 'm'))?.[0]
  return Date.parse(JSON.parse(line ?? '{}').time)
}

describe('F27: a proxy whose PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => {
    // Three of them are kept for superusers.
    server = await startPostgres(['max_connections=14'])
  })
  afterAll(() => server?.stop())

  const connect = async (url: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {}) // some tests stop the server
    await client.connect()
    onTestFinished(() => client.end().catch(() => {}))
    return client
  }

  /** A database for a user without privileges, such as an application has. */
  const setUp = async () => {
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    machine.hasFile = false
    const adminUrl = await server.createDatabase()
    const database = new URL(adminUrl).pathname.slice(1)
    const admin = await connect(adminUrl)
    const role = `app_${database}`
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'; GRANT CREATE ON DATABASE ${database} TO ${role}`)
    const url = Object.assign(new URL(adminUrl), { username: role }).href
    return { recorder, machine, url, admin, database, role }
  }

  /** What the sweeper would have to mend: rows without a job; and jobs without a row. */
  const expectWhole = async (admin: pg.Client): Promise<void> => {
    // A job that finds its row locked is set anew for a second later, and wakes in vain when the row has been leased.
    const { rows } = await admin.query(
      `SELECT (c.key IS NULL) AS "hasNoRow", count(*)::integer AS n
       FROM (SELECT key FROM orq.contacts WHERE wake IS NOT NULL AND lease IS NULL) AS c
         FULL JOIN (
           SELECT id, start_after - created_on BETWEEN '1 second' AND '3 seconds' AS "isAnew"
           FROM orq_pgboss.job WHERE state = 'created'
         ) AS j ON j.id = c.key
       WHERE j.id IS NULL OR (c.key IS NULL AND NOT "isAnew") GROUP BY 1`,
    )
    expect(rows).toEqual([])
  }

  /** Updates of contacts that cannot be delivered yet, and which nobody holds any more. */
  const queue = async (machine: Machine, proxy: Running, admin: pg.Client, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) expect((await machine.send(proxy, `u${i}`)).status).toBe(202)
    await expect
      .poll(async () => (await admin.query('SELECT FROM orq.contacts WHERE lease IS NOT NULL')).rowCount)
      .toBe(0)
  }

  describe('hangs', () => {
    test.each([
      ['at this moment', 0],
      ['for a while', 8_000],
    ])('%s: what is sent is answered 503, and SIGTERM ends it within 10 s', async (_, ms) => {
      const { machine, url, admin } = await setUp()
      const wire = await startWire(url)
      const proxy = await machine.start({ env: { ORQ_STORE: withPort(url, wire.url) } })
      expect((await machine.send(proxy, 'before')).status).toBe(200)
      const statuses = new Set<number | undefined>()
      let isOver = false
      const pages = Array.from({ length: 50 }, async (_, i) => {
        for (let n = 0; !isOver; n++) {
          statuses.add((await machine.send(proxy, `u${i}-${n}`)).status)
          await sleep(100)
        }
      })
      wire.fault = { hangs: true }
      await sleep(ms)
      statuses.clear()
      if (ms) await expect.poll(() => [...statuses]).toEqual([503])
      else await sleep(100)
      proxy.kill('SIGTERM')
      expect(await proxy.ended).toBe(0)
      expect(timeOf(proxy, 'stopped') - timeOf(proxy, 'stopping')).toBeLessThan(10_000)
      isOver = true
      await Promise.all(pages)
      await expectWhole(admin)
    })
  })

  test.each<[string, (context: { admin: pg.Client; role: string; url: string }) => Promise<() => Promise<unknown>>]>([
    [
      'has no connection left for it',
      async ({ admin, url }) => {
        const others: pg.Client[] = []
        const isOurs = "application_name = 'orq-identify'"
        const ours = async () => (await admin.query(`SELECT FROM pg_stat_activity WHERE ${isOurs}`)).rowCount ?? 0
        const takeAll = async (): Promise<number> => {
          await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${isOurs}`)
          for (;;) {
            const other = new pg.Client({ connectionString: url })
            other.on('error', () => {})
            if (
              !(await other.connect().then(
                () => true,
                () => false,
              ))
            )
              return ours()
            others.push(other)
          }
        }
        await expect.poll(takeAll).toBe(0)
        return () => Promise.all(others.map((other) => other.end()))
      },
    ],
    [
      'gets another password',
      async ({ admin, role }) => {
        await admin.query(`ALTER ROLE ${role} PASSWORD 'another'`)
        await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [role])
        return () => admin.query(`ALTER ROLE ${role} PASSWORD 'secret'`)
      },
    ],
    [
      'can only be read',
      async ({ admin }) => {
        await admin.query('ALTER SYSTEM SET default_transaction_read_only = on')
        await admin.query('SELECT pg_reload_conf()')
        return async () => {
          await admin.query('SET default_transaction_read_only = off')
          await admin.query('ALTER SYSTEM RESET default_transaction_read_only')
          await admin.query('SELECT pg_reload_conf()')
        }
      },
    ],
  ])('%s: 503 and not ready, with all that waits as it was, and it goes on by itself', async (_, begin) => {
    const { recorder, machine, url, admin, role } = await setUp()
    const proxy = await machine.start({ env: { ORQ_STORE: url } })
    recorder.mode = 'down'
    await queue(machine, proxy, admin, 5)
    const end = await begin({ admin, role, url })
    await expect.poll(async () => (await machine.send(proxy, 'during')).status).toBe(503)
    await expect.poll(() => isReady(proxy)).toBe(false)
    expect((await admin.query('SELECT FROM orq.contacts WHERE payload IS NOT NULL')).rowCount).toBeGreaterThanOrEqual(5)
    recorder.mode = 'ok'
    await end()
    await expect.poll(() => isReady(proxy)).toBe(true)
    expect((await machine.send(proxy, 'after')).status).toBeLessThan(300)
    await machine.expectDelivered(50_000)
    expect(proxy.output()).not.toMatch(/display_name|secret/)
    await expect
      .poll(async () => (await admin.query('SELECT FROM orq.contacts WHERE payload IS NOT NULL')).rowCount)
      .toBe(0)
    await expectWhole(admin)
  })

  test('restarts in the middle of everything: whoever comes then finds nothing to mend', async () => {
    const { recorder, machine, url, admin: before, database } = await setUp()
    const env = { ORQ_STORE: url, ORQ_STORE_TIMEOUT_MS: '3000' }
    const proxies = [await machine.start({ env }), await machine.start({ env })]
    recorder.script = ({ before: calls }) => (calls % 2 ? undefined : { status: 503 })
    let isOver = false
    const pages = Array.from({ length: 60 }, async (_, i) => {
      while (!isOver) await machine.send(proxies[i % 2] as Running, `u${i % 40}`, i % 3 ? 'tags' : 'display_name')
    })
    await sleep(2_000)
    await server.crash()
    // First, so that nobody has mended anything.
    for (const proxy of proxies) proxy.kill('SIGKILL')
    isOver = true
    await Promise.all(pages)
    await before.end().catch(() => {})
    await server.start()
    const admin = await connect(withPort(`postgres://postgres:secret@127.0.0.1/${database}`, url))
    await expectWhole(admin)
    expect((await admin.query('SELECT FROM orq.contacts WHERE payload IS NOT NULL')).rowCount).toBeGreaterThan(0)
    recorder.script = () => undefined
    await machine.start({ env })
    await machine.expectDelivered(60_000)
  })

  test('dies, and whose standby takes over: nothing is lost, and nobody starts on the standby before', async () => {
    const { recorder, machine, url, admin, database, role } = await setUp()
    const standby = await startStandby(server)
    onTestFinished(() => standby.stop())
    await admin.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
    await admin.query('SELECT pg_reload_conf()')
    await expect
      .poll(async () => (await admin.query('SELECT sync_state FROM pg_stat_replication')).rows)
      .toEqual([{ sync_state: 'sync' }])
    const balancer = await startBalancer()
    balancer.add(url)
    const env = { ORQ_STORE: withPort(url, balancer.url), ORQ_STORE_TIMEOUT_MS: '3000' }
    const proxy = await machine.start({ env })
    recorder.mode = 'down'
    await queue(machine, proxy, admin, 20)

    await server.crash()
    const standbyUrl = Object.assign(new URL(standby.urlOf(database)), { username: role }).href
    balancer.remove(url)
    balancer.add(standbyUrl)
    await expect.poll(() => isReady(proxy)).toBe(false)
    expect((await machine.send(proxy, 'u1')).status).toBe(503)
    const { status, output } = await machine.run(env)
    expect([status, output]).toEqual([
      2,
      expect.stringMatching(/^ORQ_STORE: .*is a read-only replica; give the URL of the primary\n$/),
    ])
    await standby.promote()
    recorder.mode = 'ok'
    await expect.poll(() => isReady(proxy)).toBe(true)
    expect((await machine.send(proxy, 'u1')).status).toBeLessThan(300)
    await machine.expectDelivered(50_000)
    const promoted = await connect(standby.urlOf(database))
    await expectWhole(promoted)
  })
})
