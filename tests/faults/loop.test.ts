// @module-tag heavy
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { announce, isLong } from '../soak.ts'
import { createMachine, pastLeases } from './machine.ts'
import { startRecorder } from './recorder.ts'

const rounds = isLong ? 250 : 25

test(`F14: kill -9, ${rounds} times, while 50 contacts are written: nothing is lost`, {
  timeout: 1_800_000,
}, async () => {
  announce(`A proxy is killed ${rounds} times while it takes updates`, rounds * 2_000)
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
      await sleep(status ? 5 : 50)
    }
  })
  for (let round = 0; round < rounds; round++) {
    await sleep(200 + Math.random() * 800)
    current.kill('SIGKILL')
    await current.ended
    const isLast = round === rounds - 1
    // The last one of a short run need not wait for what the dead had on the wire.
    current = await machine.start(isLast && rounds < 25 ? { env: pastLeases } : {})
  }
  isOver = true
  await Promise.all(writers)
  const acknowledged = (statuses.get(200) ?? 0) + (statuses.get(202) ?? 0)
  expect(acknowledged).toBeGreaterThan(50)
  console.log(`F14: ${rounds} kills, ${acknowledged} updates acknowledged, ${statuses.get(undefined) ?? 0} unanswered`)
  await machine.expectDelivered(60_000)
  current.kill('SIGTERM')
  expect(await current.ended).toBe(0)
})
