import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { createMachine, type Machine } from './machine.ts'
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

const expectRefused = async (machine: Machine, message: RegExp): Promise<void> => {
  const { status, output } = await machine.run()
  expect(output).toMatch(message)
  expect([status, output.trimEnd().split('\n').length]).toEqual([2, 1])
}

test('F21: a damaged file: the start refuses, one line says where the copy is; with the backup in its place all arrives', async () => {
  const { machine, path } = await withPending()
  const backup = readFileSync(path)
  truncateSync(path, 9_000)
  await expectRefused(machine, /^ORQ_STORE: the store .*orq\.db is damaged; a copy of it is .*orq\.db\.damaged-/)
  writeFileSync(path, backup)
  await machine.start()
  await machine.expectDelivered(5_000)
})

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
  const other = new DatabaseSync(path)
  // What upstream has is recorded a little later; held before that, the row would wait for the end of its lease.
  const waiting = other.prepare('SELECT count(*) AS rows FROM contacts WHERE payload IS NOT NULL')
  await expect.poll(() => waiting.get()).toEqual({ rows: 0 })
  other.exec('BEGIN IMMEDIATE')
  expect((await machine.send(proxy, 'u1')).status).toBe(503)
  expect((await fetch(`${proxy.adminUrl}/readyz`)).status).toBe(503)
  other.exec('COMMIT')
  other.close()
  await expect.poll(async () => (await fetch(`${proxy.adminUrl}/readyz`)).status, { timeout: 10_000 }).toBe(200)
  expect((await machine.send(proxy, 'u1')).status).toBe(200)
  await machine.expectDelivered(5_000)
})
