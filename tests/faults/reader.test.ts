// @module-tag heavy
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { createMachine } from './machine.ts'
import { startRecorder } from './recorder.ts'

/** SQLite begins the log anew at its front after 1 000 pages of 4 kB; a transaction that is under way comes on top. */
const mostBytes = 5 * 2 ** 20

test('F20: a long reader lets the log grow, which is a metric; once it has gone the log is emptied without another write', async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  const proxy = await machine.start()
  const path = join(machine.folder, 'orq.db')
  const logBytes = (): number => statSync(`${path}-wal`).size
  const told = async (): Promise<number> => {
    const text = await (await fetch(`${proxy.adminUrl}/metrics`)).text()
    return Number(/^orq_store_bytes\{file="log"\} (\d+)$/m.exec(text)?.[1])
  }
  const send = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += 50)
      await Promise.all(Array.from({ length: 50 }, (_, j) => machine.sendDelivered(proxy, `u${i + j}`)))
  }
  await send(500)
  await expect.poll(logBytes).toBe(0)

  const reader = new DatabaseSync(path, { readOnly: true, timeout: 5_000 })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM contacts').get()
  await send(2_500)
  await machine.expectDelivered(5_000)
  // The log is found in use in its first quiet moment, and nothing is written any more.
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  const grown = logBytes()
  expect(grown).toBeGreaterThan(mostBytes)
  expect(await told()).toBe(grown)

  reader.exec('COMMIT')
  reader.close()
  await expect.poll(logBytes).toBe(0)
  await expect.poll(told).toBe(0)
  // Without a reader as many updates again need no more than SQLite's own bound.
  await send(2_500)
  expect(logBytes()).toBeLessThan(mostBytes)
})
