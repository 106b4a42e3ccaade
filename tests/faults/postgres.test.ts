// @module-tag heavy
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { runQueue } from '../node/run-queue.ts'
import { type PostgresServer, startPostgres } from '../store/postgres-server.ts'
import { createMachine, type Machine } from './machine.ts'
import { copyPackage } from './package-copy.ts'
import { startRecorder } from './recorder.ts'

/** One line that names the setting and holds a hint, status 2, and nothing of the URL's secret. */
const expectRefused = async (machine: Machine, env: Record<string, string>, message: RegExp, script?: string) => {
  const { status, output } = await machine.run(env, script)
  expect(output).toMatch(message)
  expect(output).toMatch(/^ORQ_STORE: .*; .+\n$/)
  expect(output).not.toMatch(/CANARY|secret/)
  expect(status).toBe(2)
}

test('a PostgreSQL without its packages: the start says in one line what to install', async () => {
  const machine = createMachine(await startRecorder())
  const folder = copyPackage(['pg', 'pg-boss'])
  const script = join(folder, 'dist/cli.js')
  await expectRefused(machine, { ORQ_STORE: 'postgres://u:CANARY@h/d' }, /npm install pg@8 pg-boss@12\n$/, script)
  const sqlite = await machine.start({ script })
  expect((await machine.send(sqlite, 'u1')).status).toBe(200)
})

describe('orq-identify proxy on PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server?.stop())

  const withDatabase = async () => {
    const recorder = await startRecorder()
    const url = await server.createDatabase()
    const admin = new pg.Client({ connectionString: url })
    admin.on('error', () => {}) // some tests stop the server
    await admin.connect()
    onTestFinished(() => admin.end())
    const machine = createMachine(recorder)
    machine.hasFile = false
    return { recorder, machine, url, admin }
  }

  describe('does not start with', () => {
    test.each<[string, (url: URL) => void, RegExp]>([
      ['a wrong password', (url) => (url.password = 'CANARY'), /wrong user, password/],
      ['no password', (url) => (url.password = ''), /has no password/],
      ['a database that there is not', (url) => (url.pathname = '/CANARY'), /names a database that does not exist/],
      ['a port where nobody listens', (url) => (url.port = '1'), /reaches no PostgreSQL \(ECONNREFUSED\)/],
      ['a host that nobody knows', (url) => (url.hostname = 'canary.invalid'), /names a host that nobody knows/],
      ['TLS that the server has not', (url) => (url.search = '?sslmode=verify-full'), /asks for TLS/],
    ])('%s', async (_, spoil, message) => {
      const { machine, url } = await withDatabase()
      const wrong = new URL(url)
      spoil(wrong)
      await expectRefused(machine, { ORQ_STORE: wrong.href }, message)
    })

    test('a server that never answers', async () => {
      const { machine } = await withDatabase()
      const silent = createServer(() => {}).listen(0, '127.0.0.1')
      onTestFinished(() => void silent.close())
      await new Promise((resolve) => silent.once('listening', resolve))
      const store = `postgres://u:CANARY@127.0.0.1:${(silent.address() as AddressInfo).port}/d`
      await expectRefused(machine, { ORQ_STORE: store, ORQ_STORE_TIMEOUT_MS: '300' }, /reaches no PostgreSQL in time/)
    })

    test.each<[string, string, RegExp]>([
      ['a replica, which can only be read', 'default_transaction_read_only = on', /read-only replica/],
      ['a database that confirms before it writes', 'synchronous_commit = off', /synchronous_commit is off/],
      ['one that confirms before its standby', 'synchronous_commit = local', /synchronous_commit is local/],
    ])('%s', async (_, setting, message) => {
      const { machine, url, admin } = await withDatabase()
      await admin.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET ${setting}`)
      await expectRefused(machine, { ORQ_STORE: url }, message)
    })

    test('a user who may make no schema; with one of its own it starts', async () => {
      const { machine, url, admin } = await withDatabase()
      const own = new URL(url)
      const name = `app_${own.pathname.slice(1)}`
      own.username = name
      await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD 'secret'`)
      await expectRefused(machine, { ORQ_STORE: own.href }, /lacks a right in the database \(42501\)/)
      await admin.query(`CREATE SCHEMA orq AUTHORIZATION ${name}; CREATE SCHEMA orq_pgboss AUTHORIZATION ${name}`)
      const proxy = await machine.start({ env: { ORQ_STORE: own.href } })
      expect((await machine.send(proxy, 'u1')).status).toBe(200)
    })

    test('the schema of a later version', async () => {
      const { machine, url, admin } = await withDatabase()
      const proxy = await machine.start({ env: { ORQ_STORE: url, ORQ_STORE_SCHEMA: 'mine' } })
      proxy.kill('SIGTERM')
      expect(await proxy.ended).toBe(0)
      await admin.query("UPDATE mine.meta SET number = number + 1 WHERE name = 'schema'")
      await expectRefused(machine, { ORQ_STORE: url, ORQ_STORE_SCHEMA: 'mine' }, /later version of orq-identify/)
    })

    test('no connection left for it', async () => {
      const { machine, url, admin } = await withDatabase()
      await admin.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} CONNECTION LIMIT 0`)
      await admin.query("CREATE ROLE guest LOGIN PASSWORD 'secret'")
      const guest = new URL(url)
      guest.username = 'guest'
      await expectRefused(machine, { ORQ_STORE: guest.href }, /finds no free connection \(53300\)/)
    })
  })

  test('F27: loses its database while it runs: 503 and not ready, and afterwards all is delivered', async () => {
    const { recorder, machine, url } = await withDatabase()
    const proxy = await machine.start({ env: { ORQ_STORE: url, ORQ_STORE_TIMEOUT_MS: '3000' } })
    recorder.mode = 'down'
    for (let i = 0; i < 20; i++) expect((await machine.send(proxy, `u${i}`)).status).toBe(202)
    await server.crash()
    expect((await machine.send(proxy, 'u1')).status).toBe(503)
    expect((await fetch(`${proxy.adminUrl}/readyz`)).status).toBe(503)
    recorder.mode = 'ok'
    await server.start()
    const ready = async (): Promise<number> => (await fetch(`${proxy.adminUrl}/readyz`)).status
    await expect.poll(ready, { timeout: 20_000 }).toBe(200)
    expect((await machine.send(proxy, 'u2')).status).toBeLessThan(203)
    await machine.expectDelivered(60_000)
    expect(proxy.output()).not.toMatch(/u\d|display_name|secret/)
  })

  test('a right is taken away while it runs: 503 until it is given back, and nothing is lost', async () => {
    const { machine, url, admin } = await withDatabase()
    await admin.query("CREATE ROLE later LOGIN PASSWORD 'secret'; CREATE SCHEMA orq AUTHORIZATION later")
    await admin.query('CREATE SCHEMA orq_pgboss AUTHORIZATION later')
    const own = new URL(url)
    own.username = 'later'
    const proxy = await machine.start({ env: { ORQ_STORE: own.href } })
    expect((await machine.send(proxy, 'u1')).status).toBe(200)
    // What upstream has is recorded a little later; without the right it would wait for the end of its lease.
    const waiting = async () => (await admin.query('SELECT FROM orq.contacts WHERE payload IS NOT NULL')).rowCount
    await expect.poll(waiting).toBe(0)
    await admin.query('ALTER SCHEMA orq OWNER TO postgres')
    expect((await machine.send(proxy, 'u1')).status).toBe(503)
    await admin.query('ALTER SCHEMA orq OWNER TO later')
    expect((await machine.send(proxy, 'u1')).status).toBe(200)
    await machine.expectDelivered(5_000)
  })

  test('the queue commands list, show, retry, drop, count and purge what waits there, while the proxy runs', async () => {
    const { recorder, machine, url, admin } = await withDatabase()
    const environment = { ORQ_STORE: url, ORQ_STORE_SCHEMA: 'mine' }
    const queue = async (...args: string[]) => {
      const { status, out, err } = await runQueue(machine.folder, args, environment)
      expect([status, err]).toEqual([0, ''])
      return out
    }
    const list = async () =>
      (await queue('list', '--json'))
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    const proxy = await machine.start({ env: environment })
    recorder.script = ({ id }) => (id === 'canary-refused' ? { status: 422 } : { status: 503 })
    for (const who of ['canary-refused', 'canary-waits', 'canary-leaves'])
      expect((await machine.send(proxy, who)).status).toBeLessThan(500)
    const states = async () => (await list()).map(({ state }) => state).sort()
    await expect.poll(states, { timeout: 20_000 }).toEqual(['backoff', 'backoff', 'parked'])
    const all = await list()
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).sort())
    expect(all.every(({ id }) => /^[0-9a-f]{32}$/.test(id))).toBe(true)
    expect(JSON.stringify(all)).not.toMatch(/canary/)
    const parked = all.find(({ state }) => state === 'parked')
    expect(await queue('show', parked.id.slice(0, 12))).toMatch(/external_id +"canary-refused"/)
    expect(await queue('stats')).toMatch(/^undelivered +2, .*\nrefused +1\n$/)

    expect(await queue('drop', parked.id, '--yes')).toMatch(/is dropped; refused: /)
    expect(await queue('purge', 'canary-leaves')).toMatch(/^Purged: /)
    const [left, ...none] = await list()
    expect(none).toEqual([])
    // What cannot be read is listed as such, and can be dropped.
    await admin.query("UPDATE mine.contacts SET payload = '{' WHERE payload IS NOT NULL")
    expect(await list()).toMatchObject([{ id: left.id, state: 'unreadable', fields: [] }])
    expect(await runQueue(machine.folder, ['retry', left.id], environment)).toMatchObject({
      status: 1,
      err: expect.stringMatching(/cannot be read/),
    })
    expect(await queue('drop', left.id, '--yes')).toMatch(/is dropped; what cannot be read/)
    expect(await list()).toEqual([])

    expect((await machine.send(proxy, 'again')).status).toBe(202)
    const putOff = async () =>
      (
        await admin.query(
          'UPDATE mine.contacts SET wake = wake + 3600000, span = span + 3600000 WHERE wake IS NOT NULL AND lease IS NULL',
        )
      ).rowCount
    await expect.poll(putOff).toBe(1)
    recorder.script = () => undefined
    expect(await queue('retry', (await list())[0].id)).toMatch(/is due now; undelivered: display_name/)
    await expect.poll(list, { timeout: 20_000 }).toEqual([])
    expect(recorder.numbers.get('again.display_name')).toHaveLength(1)
  })

  test('the queue commands make nothing where no proxy has been, and say so', async () => {
    const { machine, url, admin } = await withDatabase()
    const { status, err } = await runQueue(machine.folder, ['list'], { ORQ_STORE: url })
    expect([status, err]).toEqual([2, expect.stringMatching(/^ORQ_STORE: .*no schema orq of a proxy; check .+\n$/)])
    expect((await admin.query("SELECT to_regnamespace('orq') AS oid")).rows).toEqual([{ oid: null }])
  })

  test('SIGTERM gives back what one holds: another goes on at once', async () => {
    const { recorder, machine, url } = await withDatabase()
    const [first, second] = [
      await machine.start({ env: { ORQ_STORE: url } }),
      await machine.start({ env: { ORQ_STORE: url } }),
    ]
    recorder.delayMs = 30_000
    expect((await machine.send(first, 'u1')).status).toBe(202)
    recorder.delayMs = 0
    const before = recorder.calls
    first.kill('SIGTERM')
    expect(await first.ended).toBe(0)
    await expect.poll(() => recorder.calls, { timeout: 10_000 }).toBe(before + 1)
    expect((await machine.send(second, 'u1')).status).toBe(200)
    await machine.expectDelivered(5_000)
  })
})
