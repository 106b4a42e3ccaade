import { expect, test } from 'vitest'
import { createMachine, pastLeases } from './machine.ts'
import { startRecorder } from './recorder.ts'

test('F16: SIGTERM with 100 requests in flight: all are answered, the rest is in the store, status 0', async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  recorder.delayMs = 4_000
  const first = await machine.start()
  const sent = Array.from({ length: 100 }, (_, i) => machine.send(first, `u${i}`))
  await expect.poll(() => recorder.calls).toBeGreaterThan(30)
  const start = performance.now()
  first.kill('SIGTERM')
  expect(new Set((await Promise.all(sent)).map(({ status }) => status))).toEqual(new Set([202]))
  expect(await machine.send(first, 'late')).toMatchObject({ status: undefined })
  expect(await first.ended).toBe(0)
  expect(performance.now() - start).toBeLessThan(10_000)
  recorder.delayMs = 0
  await machine.start()
  // Leases were given back: the next process waits for none.
  await machine.expectDelivered(3_000)
})

test('F17: SIGTERM, then SIGKILL a moment later: nothing is lost', { timeout: 60_000 }, async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  recorder.delayMs = 8_000
  const first = await machine.start()
  const sent = Array.from({ length: 80 }, (_, i) => machine.send(first, `u${i}`))
  await Promise.all(sent)
  first.kill('SIGTERM')
  setTimeout(() => first.kill('SIGKILL'), 1_000)
  await first.ended
  recorder.delayMs = 0
  // What was on the wire is sent once more when its lease is over.
  await machine.start({ env: pastLeases })
  await machine.expectDelivered(20_000)
})
