// @module-tag heavy
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { cli, runQueue } from '../node/run-queue.ts'
import { startPostgres } from '../store/postgres-server.ts'
import { createMachine } from './machine.ts'
import { startRecorder } from './recorder.ts'

const contacts = 400

describe('from one proxy on SQLite to two on PostgreSQL', () => {
  test.each([
    ['before they start', false],
    ['while they take newer updates', true],
  ])('%s, by an import that is killed and run again: nothing is lost, nothing goes backwards', async (_, isBeside) => {
    const server = await startPostgres()
    onTestFinished(() => server.stop())
    const url = await server.createDatabase()
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    machine.isNumbered = true
    const old = await machine.start()
    const sendAll = (to: { url: string }, every: number, field: 'tags' | 'display_name') =>
      Promise.all(
        Array.from({ length: contacts }, async (_, i) => {
          if (i % every === 0) expect((await machine.send(to, `u${i}`, field)).status).toBeLessThan(203)
        }),
      )
    await sendAll(old, 5, 'display_name')
    recorder.script = ({ id }) => (id === 'u-refused' ? { status: 422 } : { status: 503 })
    const parked = async () => JSON.parse((await runQueue(machine.folder, ['stats', '--json'])).out).parked
    await machine.send(old, 'u-refused', 'tags')
    await expect.poll(parked, { timeout: 20_000 }).toBe(1)
    await sendAll(old, 1, 'tags')
    old.kill('SIGTERM')
    expect(await old.ended).toBe(0)

    const env = { ORQ_STORE: url }
    const startTwo = () => Promise.all([machine.start({ env }), machine.start({ env })])
    const early = isBeside ? await startTwo() : undefined
    const { status, out: exported } = await runQueue(machine.folder, ['export'])
    expect(status).toBe(0)
    const admin = new pg.Client({ connectionString: url })
    await admin.connect()
    onTestFinished(() => admin.end())
    const rows = async (): Promise<number> =>
      admin.query('SELECT FROM orq.contacts').then(
        ({ rowCount }) => rowCount ?? 0,
        () => 0,
      )

    const doomed = spawn(process.execPath, [cli, 'queue', 'import'], { cwd: machine.folder, env, stdio: 'pipe' })
    onTestFinished(() => void doomed.kill('SIGKILL'))
    const ended = new Promise((resolve) => doomed.once('close', resolve))
    doomed.stdin.on('error', () => {})
    doomed.stdin.write(exported.slice(0, exported.length * 0.7))
    await expect.poll(rows, { timeout: 20_000, interval: 10 }).toBeGreaterThan(0)
    doomed.kill('SIGKILL')
    await ended

    const newer = early?.map(async (proxy, index) => {
      for (let i = index; i < contacts; i += 4) {
        expect((await machine.send(proxy, `u${i}`, 'tags')).status).toBeLessThan(203)
        if (i % 20 === index) await sleep(20)
      }
    })
    const again = () => runQueue(machine.folder, ['import'], env, exported)
    expect(await again()).toMatchObject({ status: 0, err: '' })
    await Promise.all(newer ?? [])
    const third = await again()
    expect([third.status, third.out]).toEqual([0, expect.stringMatching(/^0 contacts taken over/)])
    if (!early) await startTwo()
    recorder.script = ({ id }) => (id === 'u-refused' ? { status: 422 } : undefined)
    const refused = 'u-refused.tags'
    await expect
      .poll(() => machine.missing().filter((key) => !key.startsWith(refused)), { timeout: 90_000, interval: 200 })
      .toEqual([])
    const left = async () => JSON.parse((await runQueue(machine.folder, ['stats', '--json'], env)).out)
    await expect.poll(left, { timeout: 30_000 }).toEqual({ pending: 0, parked: 1, oldestPendingSince: null })
    for (const [key, numbers] of recorder.numbers)
      expect([key, numbers]).toEqual([key, [...numbers].sort((a, b) => a - b)])
    expect(recorder.overlaps).toBe(0)
  })
})
