import { expect, test } from 'vitest'
import { setUpMachine } from './durable-harness.ts'

test.each([0, 3_000])(
  'an update that is being stored when its process closes, with %i ms of grace, is accepted, and the next process sends it at once',
  async (graceMs) => {
    const machine = setUpMachine()
    const process = machine.start()
    await machine.settle()
    const delivery = process.put('u1', { email: 'a@b.c' })
    const closed = process.dispatcher.close(graceMs)
    expect(await delivery).toEqual({ kind: 'accepted' })
    await closed
    const heir = machine.start()
    await machine.clock.advance(500)
    expect(heir.calls).toEqual([{ external_id: 'u1', email: 'a@b.c' }])
  },
)

test('closing starts nothing more: what is claimed by then is given back', async () => {
  const machine = setUpMachine()
  const process = machine.start({ concurrency: 1 })
  await machine.settle()
  void process.put('u1')
  void process.put('u2')
  await machine.settle()
  process.open[0]?.answer('done')
  // Now the store is asked for u2.
  for (let i = 0; i < 8; i++) await Promise.resolve()
  const closed = process.dispatcher.close(5_000)
  await closed
  expect(process.calls).toHaveLength(1)
  const heir = machine.start()
  await machine.clock.advance(500)
  expect(heir.calls).toEqual([{ external_id: 'u2' }])
})
