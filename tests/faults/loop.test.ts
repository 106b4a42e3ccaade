import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { createMachine, isLong } from './machine.ts'
import { startRecorder } from './recorder.ts'

test('F14: kill -9 again and again while contacts are written: nothing is lost', { timeout: 600_000 }, async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  const people = Array.from({ length: 50 }, (_, i) => `u${i}`)
  let isOver = false
  let current = await machine.start()
  const statuses = new Map<number | undefined, number>()
  const writers = people.map(async (who, i) => {
    while (!isOver) {
      const { status } = await machine.send(current, who, i % 2 ? 'tags' : 'display_name')
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      // Without an answer there is nobody yet.
      await new Promise((resolve) => setTimeout(resolve, status ? 5 : 50))
    }
  })
  for (let round = 0; round < (isLong ? 25 : 4); round++) {
    await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 800))
    current.kill('SIGKILL')
    await current.ended
    current = await machine.start()
  }
  isOver = true
  await Promise.all(writers)
  expect((statuses.get(200) ?? 0) + (statuses.get(202) ?? 0)).toBeGreaterThan(50)
  await machine.expectDelivered(45_000)
  // What the dead had on the wire is sent once more when their leases are over.
  const database = new DatabaseSync(`${machine.folder}/orq.db`, { readOnly: true })
  const pending = database.prepare('SELECT count(*) AS n FROM contacts WHERE payload IS NOT NULL')
  await expect.poll(() => pending.get()?.['n'], { timeout: 45_000, interval: 500 }).toBe(0)
  expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
  database.close()
  current.kill('SIGTERM')
  expect(await current.ended).toBe(0)
})
