// @module-tag heavy
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../store/postgres-server.ts'
import { type Balancer, startBalancer } from './balancer.ts'
import { createMachine, type Machine, type Running, secret } from './machine.ts'
import { copyPackage } from './package-copy.ts'
import { type Recorder, startRecorder } from './recorder.ts'

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

interface Cluster {
  machine: Machine
  recorder: Recorder
  url: string
  /** Starts one more behind the balancer. */
  add(env?: Record<string, string>, script?: string): Promise<Running>
  /** Starts another one in its place, and ends it as a deployment does. */
  replace(old: Running, env?: Record<string, string>, script?: string): Promise<Running>
  /** How often each status came; undefined is a connection that ended without one. */
  statuses: Map<number | undefined, number>
  /** Resolves when every writer has been answered 2xx so many times more. */
  accepted(times: number): Promise<void>
  /** Ends the writing and asks the oracle. */
  expectAllDelivered(): Promise<void>
}

describe('proxies on one PostgreSQL that are replaced one by one', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server?.stop())

  /** Writers send all the while, as pages do: what is not answered is sent again with a newer value. */
  const startCluster = async (): Promise<Cluster> => {
    const url = await server.createDatabase()
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    machine.isNumbered = true
    machine.hasFile = false
    const balancer: Balancer = await startBalancer()
    const statuses = new Map<number | undefined, number>()
    const counts = Array.from({ length: 20 }, () => 0)
    let isOver = false
    let writers: Promise<void>[] | undefined
    const write = async (_: unknown, index: number): Promise<void> => {
      while (!isOver) {
        const { status } = await machine.send(balancer, `u${index}`, index % 2 ? 'tags' : 'display_name')
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status === 200 || status === 202) counts[index] = (counts[index] ?? 0) + 1
        await sleep(30)
      }
    }
    const add = async (env: Record<string, string> = {}, script = 'dist/cli.js'): Promise<Running> => {
      const proxy = await machine.start({ env: { ORQ_STORE: url, ...env }, script })
      balancer.add(proxy.url)
      writers ??= counts.map(write)
      return proxy
    }
    onTestFinished(() => {
      isOver = true
    })
    return {
      machine,
      recorder,
      url,
      statuses,
      add,
      replace: async (old, env, script) => {
        const proxy = await add(env, script)
        balancer.drain(old.url)
        old.kill('SIGTERM')
        expect(await old.ended).toBe(0)
        return proxy
      },
      accepted: async (times) => {
        const before = [...counts]
        const least = () => Math.min(...counts.map((count, index) => count - (before[index] as number)))
        await expect.poll(least, { timeout: 60_000 }).toBeGreaterThanOrEqual(times)
      },
      expectAllDelivered: async () => {
        isOver = true
        await Promise.all(writers ?? [])
        await machine.expectDelivered(30_000)
        expect(recorder.overlaps).toBe(0)
      },
    }
  }
  /** No page was turned away: the only answers are accepted ones and connections that ended. */
  const expectNoneRefused = ({ statuses }: Cluster): void =>
    expect([...statuses.keys()].filter((status) => ![200, 202, undefined].includes(status))).toEqual([])

  test('a token secret is replaced: no token is refused, nothing is lost', async () => {
    const cluster = await startCluster()
    const next = { keyId: '2026', secret: 'SECRET-CANARY-of-the-next-key-0123456789' }
    const both = { ORQ_TOKEN_SECRET: `${next.keyId}:${next.secret},default:${secret}` }
    let proxies = [await cluster.add(), await cluster.add()]
    const roll = async (env: Record<string, string>): Promise<void> => {
      const rolled: Running[] = []
      for (const proxy of proxies) {
        rolled.push(await cluster.replace(proxy, env))
        await cluster.accepted(2)
      }
      proxies = rolled
    }
    await cluster.accepted(2)
    await roll(both)
    cluster.machine.signer = next
    await cluster.accepted(2)
    // Requests that were on their way with the old one are over by now: writers wait for each answer.
    await roll({ ORQ_TOKEN_SECRET: `${next.keyId}:${next.secret}` })
    expectNoneRefused(cluster)
    await cluster.expectAllDelivered()
    cluster.machine.signer = { keyId: 'default', secret }
    expect((await cluster.machine.send(proxies[0] as Running, 'u1')).status).toBe(401)
  })

  test('by a build with a later schema, and other settings: the old ones go on until they end, and do not start again', async () => {
    const cluster = await startCluster()
    const folder = copyPackage()
    const chunk = join(folder, 'dist/chunks/postgres.js')
    const lastStep = 'CREATE INDEX contacts_parked ON contacts (key) WHERE parked IS NOT NULL`'
    const built = readFileSync(chunk, 'utf8')
    writeFileSync(chunk, built.replace(lastStep, `${lastStep},\n  'ALTER TABLE contacts ADD COLUMN later text'`))
    const later = join(folder, 'dist/cli.js')
    const other = { ORQ_UPSTREAM_CONCURRENCY: '2', ORQ_STORE_POOL: '2', ORQ_STORE_TIMEOUT_MS: '3000' }

    const [first, second] = [await cluster.add(), await cluster.add()]
    await cluster.accepted(2)
    const third = await cluster.replace(first, other, later)
    const admin = new pg.Client({ connectionString: cluster.url })
    await admin.connect()
    onTestFinished(() => admin.end())
    expect((await admin.query("SELECT number::integer FROM orq.meta WHERE name = 'schema'")).rows).toEqual([
      { number: 2 },
    ])
    // Both builds at once.
    await cluster.accepted(5)
    const { status, output } = await cluster.machine.run({ ORQ_STORE: cluster.url })
    expect([status, output]).toEqual([
      2,
      expect.stringMatching(/^ORQ_STORE: .*later version.*; install that version\n$/),
    ])
    await cluster.replace(second, other, later)
    await cluster.accepted(2)
    expect(third.output()).toContain('"event":"started"')
    expectNoneRefused(cluster)
    await cluster.expectAllDelivered()
  })

  test('of which one is drained while upstream is slow: the other has all of its contacts at once', async () => {
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    machine.hasFile = false
    const env = { ORQ_STORE: await server.createDatabase() }
    const [first, second] = [await machine.start({ env }), await machine.start({ env })]
    recorder.delayMs = 60_000
    const sent = await Promise.all(Array.from({ length: 30 }, (_, i) => machine.send(first, `u${i}`)))
    expect(sent.map(({ status }) => status)).toEqual(sent.map(() => 202))
    await expect.poll(() => recorder.calls).toBe(30)
    recorder.delayMs = 0
    const before = recorder.calls
    first.kill('SIGTERM')
    expect(await first.ended).toBe(0)
    // Half of a lease: without being given back they would wait for its end.
    await expect.poll(() => recorder.calls - before, { timeout: 15_000 }).toBe(30)
    await machine.expectDelivered(5_000)
    expect((await machine.send(second, 'u1')).status).toBe(200)
  })

  test('whose clocks are an hour apart go on with what a dead one held, within a minute and not too soon', {
    timeout: 150_000,
  }, async () => {
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    machine.hasFile = false
    const url = await server.createDatabase()
    const start = (aheadMs: number) => machine.start({ env: { ORQ_STORE: url, TEST_CLOCK_AHEAD_MS: `${aheadMs}` } })
    const [dies] = await Promise.all([start(0), start(3_600_000), start(-3_600_000)])
    recorder.delayMs = 60_000
    for (let i = 0; i < 10; i++) void machine.send(dies, `u${i}`)
    await expect.poll(() => recorder.calls).toBe(10)
    const held = Date.now()
    dies.kill('SIGKILL')
    recorder.delayMs = 0
    recorder.mode = 'down'
    await expect.poll(() => recorder.calls, { timeout: 60_000 }).toBeGreaterThan(10)
    // A lease is 30 s by the database's clock, whatever theirs say.
    expect(Date.now() - held).toBeGreaterThan(20_000)
    recorder.mode = 'ok'
    const admin = new pg.Client({ connectionString: url })
    await admin.connect()
    onTestFinished(() => admin.end())
    const waiting = async () => (await admin.query('SELECT FROM orq.contacts WHERE payload IS NOT NULL')).rowCount
    await expect.poll(waiting, { timeout: 60_000, interval: 200 }).toBe(0)
    for (let i = 0; i < 10; i++) expect(recorder.numbers.get(`u${i}.display_name`)?.length).toBeGreaterThan(0)
  })
})
