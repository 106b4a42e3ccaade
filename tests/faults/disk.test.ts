// @module-tag heavy
import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { announce, isLong } from '../soak.ts'
import { createDisk, noDisk } from './disk.ts'
import { createMachine, type Machine, pastLeases, type Running } from './machine.ts'
import { startRecorder } from './recorder.ts'

/** A machine whose file holds an update that was not delivered. */
const withPending = async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  recorder.mode = 'down'
  const proxy = await machine.start()
  for (let i = 0; i < 20; i++) expect((await machine.send(proxy, `u${i}`)).status).toBe(202)
  proxy.kill('SIGTERM')
  expect(await proxy.ended).toBe(0)
  recorder.mode = 'ok'
  return { recorder, machine, path: join(machine.folder, 'orq.db') }
}

const cuts = isLong ? 150 : 15

const readiness = async (proxy: Running): Promise<number> => (await fetch(`${proxy.adminUrl}/readyz`)).status

const expectRefused = async (machine: Machine, message: RegExp): Promise<void> => {
  const { status, output } = await machine.run()
  expect(output).toMatch(message)
  expect([status, output.trimEnd().split('\n').length]).toEqual([2, 1])
}

/** A value in the middle of some page, so that neither the head of the file nor its size tells. */
const damageMiddle = (path: string): void => {
  const middle = Math.floor(statSync(path).size / 2 / 4_096) * 4_096
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(4_096, 0xa5), 0, 4_096, middle)
  closeSync(file)
}

test.each([
  ['cut', (path: string) => truncateSync(path, 9_000)],
  ['overwritten in the middle', damageMiddle],
])(
  'F21: a file that is %s: the start refuses, one line says where the copy is; with the backup in its place all arrives',
  async (_, damage) => {
    const { machine, path } = await withPending()
    const backup = readFileSync(path)
    damage(path)
    await expectRefused(machine, /^ORQ_STORE: the store .*orq\.db is damaged; a copy of it is .*orq\.db\.damaged-/)
    writeFileSync(path, backup)
    await machine.start()
    await machine.expectDelivered(5_000)
  },
)

test('F22: a file of a later version: the start refuses', async () => {
  const { machine, path } = await withPending()
  const database = new DatabaseSync(path)
  database.exec("UPDATE meta SET value = value + 1 WHERE name = 'schema'")
  database.close()
  await expectRefused(machine, /^ORQ_STORE: .*later version of orq-identify/)
})

test('F19: another process that holds the file: 503 and not ready while it does, and nothing is lost', async () => {
  const { machine, path } = await withPending()
  const proxy = await machine.start()
  await machine.expectDelivered(5_000)
  const other = new DatabaseSync(path, { timeout: 5_000 })
  // What upstream has is recorded a little later; held before that, the row would wait for the end of its lease.
  const waiting = other.prepare('SELECT count(*) AS rows FROM contacts WHERE payload IS NOT NULL')
  await expect.poll(() => waiting.get()).toEqual({ rows: 0 })
  other.exec('BEGIN IMMEDIATE')
  const sent = machine.send(proxy, 'u1')
  // Both wait for the file as long as they may.
  expect([await readiness(proxy), (await sent).status]).toEqual([503, 503])
  other.exec('COMMIT')
  other.close()
  await expect.poll(() => readiness(proxy), { timeout: 10_000 }).toBe(200)
  expect((await machine.send(proxy, 'u1')).status).toBe(200)
  await machine.expectDelivered(5_000)
})

describe.skipIf(noDisk)(`a disk${noDisk ? ` (${noDisk})` : ''}`, () => {
  /** Writes for a while, with a power cut at the end; upstream takes nothing, so all is in the file alone. */
  const cutPower = async (synchronous: 'FULL' | 'NORMAL') => {
    const recorder = await startRecorder()
    recorder.mode = 'down'
    const machine = createMachine(recorder)
    const disk = createDisk()
    const script = 'tests/faults/loses-power.mjs'
    const proxy = await machine.start({ script, env: { ...disk.env, SYNCHRONOUS: synchronous } })
    for (let i = 0; i < 40; i++)
      await Promise.all(Array.from({ length: 5 }, (_, j) => machine.send(proxy, `u${j + 5 * (i % 8)}`)))
    proxy.kill('SIGKILL')
    await proxy.ended
    expect(machine.acknowledged.size).toBe(40)
    recorder.mode = 'ok'
    await machine.start({ folder: disk.synced, env: pastLeases })
    return { machine, disk }
  }

  test('F15: that loses power has all that was acknowledged', async () => {
    const { machine, disk } = await cutPower('FULL')
    await machine.expectDelivered(10_000, disk.synced)
  })

  test('F15: that loses power would not have it if the store let SQLite sync less', async () => {
    const { machine } = await cutPower('NORMAL')
    await sleep(3_000)
    expect(machine.missing().length).toBeGreaterThan(0)
  })

  test('F15: that loses power again and again, in the middle of deliveries: nothing is lost', {
    timeout: 1_200_000,
  }, async () => {
    announce(`A disk loses power ${cuts} times under a proxy that takes updates`, cuts * 3_000)
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    const disk = createDisk()
    const people = Array.from({ length: 50 }, (_, i) => `u${i}`)
    let current = await machine.start({ env: disk.env })
    let isOver = false
    const writers = people.map(async (who) => {
      while (!isOver) await sleep((await machine.send(current, who)).status ? 5 : 50)
    })
    for (let round = 0; round < cuts; round++) {
      // Long enough for the log to be emptied in some of them.
      await sleep(300 + Math.random() * 3_000)
      current.kill('SIGKILL')
      await current.ended
      for (const name of readdirSync(machine.folder)) rmSync(join(machine.folder, name))
      for (const name of readdirSync(disk.synced))
        if (!name.endsWith('.part')) copyFileSync(join(disk.synced, name), join(machine.folder, name))
      current = await machine.start({ env: disk.env })
    }
    isOver = true
    await Promise.all(writers)
    await machine.expectDelivered(60_000)
  })

  test.each([
    ['F18', 'full'],
    ['F19', 'broken'],
    ['F19', 'read-only'],
  ] as const)(
    '%s: that is %s: 503 and not ready, the process goes on and recovers by itself, nothing is lost',
    async (_, fault) => {
      const recorder = await startRecorder()
      const machine = createMachine(recorder)
      const disk = createDisk()
      const proxy = await machine.start({ env: disk.env })
      recorder.mode = 'down'
      for (let i = 0; i < 10; i++) expect(await machine.send(proxy, `u${i}`)).toMatchObject({ status: 202 })
      disk.fault = fault
      for (let i = 0; i < 5; i++) expect(await machine.send(proxy, `u${i}`)).toMatchObject({ status: 503 })
      expect(await readiness(proxy)).toBe(503)
      expect((await fetch(`${proxy.url}/livez`)).status).toBe(200)
      await sleep(1_500)
      recorder.mode = 'ok'
      disk.fault = 'none'
      await expect.poll(() => readiness(proxy)).toBe(200)
      expect([200, 202]).toContain((await machine.send(proxy, 'u1')).status)
      // What was on the wire when the disk failed waits for the end of its lease.
      await proxy.tell({ clock: { wallMs: 31_000 } })
      await machine.expectDelivered(15_000)
      expect(readdirSync(machine.folder).filter((name) => /damaged/.test(name))).toEqual([])
    },
  )
})
