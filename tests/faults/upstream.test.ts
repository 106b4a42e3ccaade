import { expect, test } from 'vitest'
import { createMachine, isLong } from './machine.ts'
import { startRecorder } from './recorder.ts'

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

test('F1: upstream answers 503 for a while: 202, ready all the time, and after it every newest value', {
  timeout: 900_000,
}, async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  const proxy = await machine.start({ env: { ORQ_UPSTREAM_CONCURRENCY: '8' } })
  recorder.mode = 'down'
  const statuses = new Set<number | undefined>()
  const end = performance.now() + (isLong ? 600_000 : 4_000)
  for (let i = 0; performance.now() < end; i++) {
    const sent = await Promise.all(Array.from({ length: 20 }, (_, j) => machine.send(proxy, `u${j + 20 * (i % 10)}`)))
    for (const { status } of sent) statuses.add(status)
    if (isLong) await sleep(500)
  }
  expect(statuses).toEqual(new Set([202]))
  expect((await fetch(`${proxy.adminUrl}/readyz`)).status).toBe(200)
  // One probe at a time, not one call per update.
  expect(recorder.calls).toBeLessThan(isLong ? 1_000 : 40)
  recorder.mode = 'ok'
  await machine.expectDelivered(isLong ? 90_000 : 20_000)
  expect(recorder.most).toMatchObject({ perContact: 1 })
  expect(recorder.most.all).toBeLessThanOrEqual(8)
})

test('F8: a connection that is reset after the update was applied: sent again, same final state', async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  const proxy = await machine.start()
  recorder.mode = 'reset_after_applying'
  for (let i = 0; i < 3; i++) expect((await machine.send(proxy, 'u1')).status).toBe(202)
  recorder.mode = 'ok'
  await machine.expectDelivered(10_000)
  expect(recorder.numbers.get('u1.display_name')?.at(-1)).toBe(3)
})

test('F12: an idle connection that upstream closes is no failure', async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  const proxy = await machine.start()
  recorder.mode = 'close_idle'
  for (let i = 0; i < 40; i++) {
    expect((await machine.send(proxy, `u${i}`)).status).toBe(200)
    // The moment of closing and of the next use come to coincide.
    await sleep(i % 8)
  }
})

test('F31: a hot contact has one call on the wire, few in all, and delays no other', async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  const proxy = await machine.start()
  recorder.delayMs = 50
  let isOver = false
  const hot = Array.from({ length: 10 }, async () => {
    while (!isOver) await machine.send(proxy, 'hot')
  })
  const times: number[] = []
  for (let i = 0; i < 20; i++) {
    const start = performance.now()
    expect((await machine.send(proxy, `cold${i}`)).status).toBe(200)
    times.push(performance.now() - start)
    await sleep(50)
  }
  isOver = true
  await Promise.all(hot)
  await machine.expectDelivered(3_000)
  expect(Math.max(...times)).toBeLessThan(1_000)
  expect(recorder.most.perContact).toBe(1)
})
