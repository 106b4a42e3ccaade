import { test } from 'vitest'
import { createMachine, pastLeases } from './machine.ts'
import { startRecorder } from './recorder.ts'

const script = 'tests/faults/dies.mjs'

test.concurrent.for<[point: string, calls: number, isAcknowledged: boolean | undefined]>([
  ['before commit', 0, false],
  ['after commit, before reply', 0, false],
  ['during upstream call', 1, false],
  ['after upstream ok, before delete', 1, undefined],
  ['during delete', 1, undefined],
])('F13: kill -9 %s', async ([point, calls, isAcknowledged], { onTestFinished, expect }) => {
  const recorder = await startRecorder(onTestFinished)
  const machine = createMachine(recorder, onTestFinished)
  const first = await machine.start({ script, env: { POINT: point } })
  expect(await machine.send(first, 'bystander')).toMatchObject({ status: 200 })
  const before = recorder.calls
  if (point === 'during upstream call') recorder.delayMs = 60_000
  const sentAt = performance.now()
  const sent = machine.send(first, 'victim')
  if (point === 'during upstream call') {
    await expect.poll(() => recorder.calls).toBe(before + 1)
    first.kill('SIGKILL')
  }
  const { status } = await sent
  // A 202 only where this machine has stood still for as long as a page waits.
  const isLate = point === 'during upstream call' && performance.now() - sentAt > 1_900
  if (isAcknowledged === false && !isLate) expect(status).toBeUndefined()
  expect(await first.ended).toBeNull()
  await expect.poll(() => recorder.calls - before).toBe(calls)
  recorder.delayMs = 0

  const second = await machine.start({ env: pastLeases })
  // What was committed is delivered by the next process when the lease of the dead one is over.
  const isCommitted = point !== 'before commit'
  const name = (): number => recorder.numbers.get('victim.display_name')?.length ?? 0
  await expect.poll(name, { timeout: 20_000, interval: 200 }).toBe(isCommitted ? calls + 1 : 0)
  await machine.send(second, 'victim')
  await machine.expectDelivered(5_000)
  expect(recorder.most.perContact).toBe(1)
})
