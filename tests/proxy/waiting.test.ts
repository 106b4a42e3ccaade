import { describe, expect, test } from 'vitest'
import { setUp } from './dispatcher-harness.ts'
import { setUpMachine } from './durable-harness.ts'

const settle = async (): Promise<void> => {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** What a delivery has come to by now. */
const soon = async (delivery: Promise<unknown>): Promise<unknown> => {
  let result: unknown = 'still waits'
  void delivery.then((value) => {
    result = value
  })
  await settle()
  await settle()
  return result
}

const startOne = async (options = {}) => {
  const machine = setUpMachine()
  const process = machine.start(options)
  await machine.settle()
  return { ...machine, process }
}

const startTwo = async (options = {}) => {
  const machine = setUpMachine()
  const [one, two] = [machine.start(options), machine.start(options)]
  await machine.settle()
  return { ...machine, one, two }
}

describe('a page does not wait for what will not come soon:', () => {
  test('its update joined a call that failed, and is in back-off now', async () => {
    const { process, settle } = await startOne()
    const first = process.put('u1', { email: 'a@b.c' })
    await settle()
    const joined = process.put('u1', { tags: [] })
    await settle()
    process.open[0]?.answer('blocked', 403)
    expect(await soon(first)).toEqual({ kind: 'accepted' })
    expect(await soon(joined)).toEqual({ kind: 'accepted' })
  })

  test('its update waits for a slot, and upstream asks for a pause', async () => {
    const { process, settle } = await startOne({ concurrency: 1 })
    void process.put('u1', { email: 'a@b.c' })
    await settle()
    const other = process.put('u2', { tags: [] })
    await settle()
    process.open[0]?.answer('retry', 429, { 'retry-after': '30' })
    expect(await soon(other)).toEqual({ kind: 'accepted' })
  })

  test('its update joined a call, and another process took it after that', async () => {
    const { one, two, settle } = await startTwo()
    void one.put('u1', { email: 'a@b.c' })
    await settle()
    const joined = one.put('u1', { email: 'b@b.c' })
    await settle()
    one.open[0]?.answer('done')
    // Stored after the outcome, and before the first one has claimed the rest.
    void two.put('u1', { email: 'c@b.c' })
    await settle()
    expect([one.open.length, two.open.length]).toEqual([0, 1])
    expect(await soon(joined)).toEqual({ kind: 'accepted' })
  })

  test('its update was dropped while it was on the wire, and nothing more of it is sent', async () => {
    const { process, settle } = await startOne()
    const delivery = process.put('u1', { email: 'a@b.c' })
    await settle()
    const [entry] = await process.store.list({ limit: 1 })
    await process.store.drop(entry?.id ?? '')
    process.open[0]?.answer('refused')
    expect(await soon(delivery)).toEqual({ kind: 'accepted' })
    expect(process.calls).toHaveLength(1)
  })

  test.each([
    ['its update waits for a slot', 'u2'],
    ['its update joined a call', 'u1'],
  ])('%s, upstream asks for a pause, and nothing is durable', async (_, who) => {
    const { open, put } = setUp({ concurrency: 1 })
    void put('u1')
    await settle()
    const other = put(who, { tags: [] })
    await settle()
    open[0]?.answer('retry', 429, { 'retry-after': '30' })
    expect(await soon(other)).toMatchObject({ kind: 'unavailable', retryAfterMs: 30_000 })
  })
})

describe('an update is sent as soon as it can be:', () => {
  test('the slot that it waits for was kept for one that turned out to be nothing new', async () => {
    let finish = (): void => {}
    const held = new Promise<void>((resolve) => {
      finish = resolve
    })
    const { put, open } = setUp({
      concurrency: 1,
      // Another process holds the row of u1 for a while.
      store: (store) => ({
        ...store,
        isDurable: true,
        put: async (update, options) => {
          if (update.externalId !== 'u1') return store.put(update, options)
          await held
          return { kind: 'unchanged' }
        },
      }),
    })
    await settle()
    void put('u1')
    void put('u2')
    await settle()
    expect(open).toEqual([])
    finish()
    await settle()
    expect(open.map(({ contact }) => contact.external_id)).toEqual(['u2'])
  })

  test('many updates of another contact are being stored', async () => {
    const { one, two, settle } = await startTwo({ concurrency: 4 })
    void one.put('hot', { tags: [] })
    await settle()
    for (let i = 0; i < 10; i++) void one.put('hot', { tags: [`${i}`] })
    const cold = one.put('cold')
    // It is claimed as it is stored: nothing is left for another process to take.
    expect(await two.store.claim(2)).toEqual([])
    await settle()
    one.open.find(({ contact }) => contact.external_id === 'cold')?.answer('done')
    expect(await cold).toMatchObject({ kind: 'delivered' })
  })

  test('it was stored together with the end of the call before it, and its page waits for it', async () => {
    const { process, settle } = await startOne()
    void process.put('u1', { email: 'a@b.c' })
    await settle()
    const next = process.put('u1', { email: 'b@b.c' })
    process.open[0]?.answer('done')
    await settle()
    process.open[0]?.answer('done')
    expect(await next).toMatchObject({ kind: 'delivered' })
  })
})
