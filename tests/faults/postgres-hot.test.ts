// @module-tag heavy
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { runQueue } from '../node/run-queue.ts'
import { type PostgresServer, startPostgres } from '../store/postgres-server.ts'
import { createMachine, type Running } from './machine.ts'
import { startRecorder } from './recorder.ts'

describe('two proxies on one PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server?.stop())

  const setUp = async () => {
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    machine.hasFile = false
    const env = { ORQ_STORE: await server.createDatabase() }
    const proxies = [await machine.start({ env }), await machine.start({ env })] as [Running, Running]
    const admin = new pg.Client({ connectionString: env.ORQ_STORE })
    await admin.connect()
    onTestFinished(() => admin.end())
    return { recorder, machine, env, proxies, admin }
  }

  test('F31: a hot contact has one call on the wire, few in all, none is refused, and it delays no other', async () => {
    const { recorder, machine, proxies } = await setUp()
    machine.isNumbered = true
    recorder.delayMs = 50
    let isOver = false
    let updates = 0
    const refused = new Set<number | undefined>()
    const start = performance.now()
    const hot = Array.from({ length: 50 }, async (_, i) => {
      while (!isOver) {
        const { status } = await machine.send(proxies[i % 2] as Running, 'hot', i % 4 < 2 ? 'tags' : 'display_name')
        updates++
        // Overtaken by a newer one on its way is no refusal.
        if (status !== 200 && status !== 202 && status !== 409) refused.add(status)
      }
    })
    /** How many calls of the hot contact began while another contact waited for its answer; upstream is the clock. */
    const waits: number[] = []
    for (let i = 0; i < 20; i++) {
      const before = recorder.callsOf('hot')
      await machine.sendDelivered(proxies[i % 2] as Running, `cold${i}`)
      waits.push(recorder.callsOf('hot') - before)
      await sleep(50)
    }
    isOver = true
    await Promise.all(hot)
    const rate = Math.round((updates / (performance.now() - start)) * 1_000)
    await machine.expectDelivered(10_000)
    const calls = recorder.callsOf('hot')
    console.log(
      `F31: ${rate} updates/s of one contact by two proxies in ${calls} calls; at most ${Math.max(...waits)} of them while another waited`,
    )
    expect(refused).toEqual(new Set())
    // As on one proxy: nobody waits for the second that 20 of them take.
    expect(Math.max(...waits)).toBeLessThan(20)
    expect(recorder.most.perContact).toBe(1)
    expect(calls).toBeLessThan(updates / 5)
  })

  test('F34: purged while its update is in flight: nothing further is sent by either, and tokens of before are refused', async () => {
    const { recorder, machine, env, proxies, admin } = await setUp()
    recorder.delayMs = 8_000
    const first = machine.send(proxies[0], 'u1')
    await expect.poll(() => recorder.calls).toBe(1)
    // Joined to the one in flight: it would follow.
    const late = machine.send(proxies[1], 'u1', 'tags')
    const has = async (what: string) =>
      (await admin.query('SELECT FROM orq.contacts WHERE position($1 in payload) > 0', [what])).rowCount
    await expect.poll(() => has('tags')).toBe(1)
    expect(await runQueue(machine.folder, ['purge', 'u1'], env)).toMatchObject({ status: 0, err: '' })
    expect(await has('u1')).toBe(0)
    await Promise.all([first, late])
    recorder.delayMs = 0
    for (const proxy of proxies) expect((await machine.send(proxy, 'u1')).status).toBe(403)
    expect((await machine.send(proxies[1], 'u2')).status).toBe(200)
    // Longer than the call on the wire, and several looks for what is due.
    await sleep(8_000)
    expect(recorder.callsOf('u1')).toBe(1)
    expect(recorder.numbers.has('u1.tags')).toBe(false)
    expect((await admin.query('SELECT FROM orq.contacts WHERE payload IS NOT NULL')).rowCount).toBe(0)
  })
})
