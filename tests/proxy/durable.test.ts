import { describe, expect, test } from 'vitest'
import { type Answer, type OpenCall, type Process, setUpMachine } from './durable-harness.ts'

const start = (options = {}) => {
  const machine = setUpMachine()
  return { ...machine, process: machine.start(options) }
}
type World = ReturnType<typeof start>

/** Lets the one call on the wire be answered, however long it takes to come. */
const next = async ({ clock, process }: World): Promise<OpenCall> => {
  for (let i = 0; i < 400 && !process.open.length; i++) await clock.advance(250)
  return process.open[0] as OpenCall
}
const answerAll = async (world: World, answer: Answer, status?: number): Promise<void> => {
  const { process, settle } = world
  while (process.open.length) {
    process.open[0]?.answer(answer, status)
    await settle()
  }
}
const settled = async (world: World, delivery: Promise<unknown>): Promise<unknown> => {
  let result: unknown = 'open'
  void delivery.then((value) => {
    result = value
  })
  await world.settle()
  return result
}
const parkedIn = (process: Process) => process.events.filter(({ type }) => type === 'parked')

describe('an answer', () => {
  test('is delivered when upstream has it, without waiting for the record of it', async () => {
    const world = start()
    const delivery = world.process.put('u1', { email: 'a@b.c' })
    ;(await next(world)).answer('done')
    expect(await delivery).toMatchObject({ kind: 'delivered' })
    expect(await world.process.put('u1', { email: 'a@b.c' })).toEqual({ kind: 'delivered' })
    expect(world.process.calls).toHaveLength(1)
  })

  test('is accepted after 2 s, and at once while the contact is in back-off', async () => {
    const world = start()
    const first = world.process.put('u1')
    await world.clock.advance(1_999)
    expect(await settled(world, first)).toBe('open')
    await world.clock.advance(1)
    expect(await first).toEqual({ kind: 'accepted' })
    await answerAll(world, 'retry')
    expect(await settled(world, world.process.put('u1', { tags: [] }))).toEqual({ kind: 'accepted' })
  })

  test('is accepted at once while everything pauses, and while another process holds the contact', async () => {
    const world = start()
    const other = world.start()
    await world.settle()
    const first = world.process.put('u1')
    await world.settle()
    expect(await settled(world, other.put('u1', { tags: [] }))).toEqual({ kind: 'accepted' })
    world.process.open[0]?.answer('retry', 429, { 'retry-after': '30' })
    expect(await first).toEqual({ kind: 'accepted' })
    expect(await settled(world, world.process.put('u2'))).toEqual({ kind: 'accepted' })
  })

  test('of a purged contact is revoked, and nothing further of it is sent', async () => {
    const world = start()
    void world.process.put('u1', { email: 'a@b.c' })
    void world.process.put('u1', { tags: [] })
    const call = await next(world)
    await world.process.store.purge('u1', world.clock.now() + 30_000)
    call.answer('refused')
    expect(await world.process.put('u1', { tags: ['x'] }, { issuedAt: world.clock.now() })).toEqual({ kind: 'revoked' })
    await world.clock.advance(120_000)
    expect(world.process.calls).toHaveLength(1)
  })

  test.each(['purged', 'dropped'])(
    'of a contact that is %s between two of its fields: no other is sent',
    async (how) => {
      const world = start()
      void world.process.put('u1', { email: 'a@b.c', tags: [], display_name: 'A' })
      ;(await next(world)).answer('refused')
      await world.settle()
      const { store, calls, open } = world.process
      expect(calls).toHaveLength(2)
      const [entry] = await store.list({ limit: 1 })
      if (how === 'purged') await store.purge('u1', 0)
      else await store.drop(entry?.id ?? '')
      open[0]?.answer('done')
      await world.clock.advance(120_000)
      expect(calls).toHaveLength(2)
      expect(await store.list({ limit: 1 })).toEqual([])
    },
  )

  test.each(['purged', 'dropped'])(
    'of an update that was %s while its page waits is not that a newer one of another field was delivered',
    async (how) => {
      const world = start()
      void world.process.put('u1', { email: 'a@b.c' })
      const call = await next(world)
      const late = world.process.put('u1', { tags: [] })
      await world.settle()
      const { store } = world.process
      const [entry] = await store.list({ limit: 1 })
      if (how === 'purged') await store.purge('u1', 0)
      else await store.drop(entry?.id ?? '')
      const newer = world.process.put('u1', { display_name: 'A' }, { issuedAt: world.clock.now() })
      call.answer('done')
      ;(await next(world)).answer('done')
      expect(await newer).toMatchObject({ kind: 'delivered' })
      expect(await late).toEqual({ kind: 'accepted' })
      expect(world.process.calls.some(({ tags }) => tags)).toBe(false)
    },
  )
})

describe('what fails', () => {
  test('is tried again after 500 ms · 1.5^n, at most 60 s, and arrives with what joined meanwhile', async () => {
    const world = start()
    void world.process.put('u1', { email: 'a@b.c' })
    const waits: number[] = []
    for (let i = 0; i < 16; i++) {
      const call = await next(world)
      const failedAt = world.clock.now()
      call.answer('lost')
      await world.settle()
      while (!world.process.open.length) await world.clock.advance(100)
      waits.push(world.clock.now() - failedAt)
    }
    expect(waits[0]).toBeGreaterThanOrEqual(500)
    expect(waits[3]).toBeGreaterThanOrEqual(500 * 1.5 ** 3)
    expect(waits[3]).toBeLessThanOrEqual(500 * 1.5 ** 3 + 1_000)
    expect(waits[15]).toBeGreaterThanOrEqual(60_000)
    expect(waits[15]).toBeLessThanOrEqual(61_000)
    void world.process.put('u1', { tags: ['x'] })
    ;(await next(world)).answer('lost')
    await world.settle()
    ;(await next(world)).answer('done')
    expect(world.process.calls.at(-1)).toEqual({ external_id: 'u1', email: 'a@b.c', tags: ['x'] })
  })

  test('at one contact with Retry-After waits for that contact alone', async () => {
    const world = start()
    void world.process.put('u1')
    ;(await next(world)).answer('retry', 500, { 'retry-after': '20' })
    await world.settle()
    const other = world.process.put('u2')
    ;(await next(world)).answer('done')
    expect(await other).toMatchObject({ kind: 'delivered' })
    const at = world.clock.now()
    await next(world)
    expect(world.clock.now() - at).toBeGreaterThanOrEqual(19_000)
  })

  test('for two weeks and a hundred attempts is parked, and no sooner', async () => {
    const world = start()
    void world.process.put('u1', { email: 'a@b.c' })
    for (let i = 0; i < 100; i++) (await next(world)).answer('lost')
    expect(parkedIn(world.process)).toEqual([])
    const call = await next(world)
    world.clock.set(world.clock.now() + 14 * 86_400_000)
    call.answer('lost')
    await world.settle()
    expect(parkedIn(world.process)).toMatchObject([
      { fields: ['email', 'external_id'], reason: 'no answer: network, expired' },
    ])
    expect(await world.process.store.stats()).toEqual({ pending: 0, parked: 1 })
  })

  test('F12: on a socket that was found closed is repeated at once', async () => {
    const world = start()
    const delivery = world.process.put('u1')
    const stale = Object.assign(new TypeError('fetch failed'), { cause: { code: 'UND_ERR_SOCKET' } })
    ;(await next(world)).fail(stale)
    await world.settle()
    expect(world.process.open).toHaveLength(1)
    world.process.open[0]?.answer('done')
    expect(await delivery).toMatchObject({ kind: 'delivered' })
  })

  test('F25: is not repeated at once by who was stopped for so long that it could outlive the lease', async () => {
    const world = start()
    void world.process.put('u1')
    const call = await next(world)
    await world.clock.advance(11_000)
    call.fail(Object.assign(new TypeError('fetch failed'), { cause: { code: 'UND_ERR_SOCKET' } }))
    await world.settle()
    expect(world.process.open).toHaveLength(0)
    // By a claim of its own it is.
    ;(await next(world)).answer('done')
    await world.settle()
    expect(await world.process.store.stats()).toEqual({ pending: 0, parked: 0 })
  })

  test('F25: is not gone on with by PATCH by who was stopped meanwhile, whatever the store told before', async () => {
    const world = start()
    void world.process.put('u1', { email: 'a@b.c' })
    const call = await next(world)
    await world.clock.advance(9_000)
    expect(await call.goesOn()).toBe(true)
    // Stopped when the store has answered, and nobody has read it yet.
    const goesOn = call.goesOn()
    world.process.wakeAfter(60_000)
    expect(await goesOn).toBe(false)
    call.answer('retry', 409)
    await world.settle()
    expect(await world.process.store.stats()).toMatchObject({ pending: 1 })
    ;(await next(world)).answer('done')
    await world.settle()
    expect(await world.process.store.stats()).toEqual({ pending: 0, parked: 0 })
  })

  test('F5: for our key pauses all after three contacts, and after the fix all arrive', async () => {
    const world = start({ concurrency: 2 })
    for (let i = 0; i < 6; i++) void world.process.put(`u${i}`, { tags: [`${i}`] })
    await world.settle()
    await answerAll(world, 'blocked', 401)
    const count = world.process.calls.length
    expect(count).toBeLessThanOrEqual(4)
    expect(world.process.events).toContainEqual({ type: 'paused', why: 'blocked', ms: 60_000 })
    await world.clock.advance(59_000)
    expect(world.process.calls).toHaveLength(count)
    await next(world)
    expect(world.process.open).toHaveLength(1)
    for (let i = 0; i < 600 && (await world.process.store.stats()).pending; i++) {
      await answerAll(world, 'done')
      await world.clock.advance(250)
    }
    expect(await world.process.store.stats()).toEqual({ pending: 0, parked: 0 })
  })
})

describe('what is refused', () => {
  test('F4: is parked field by field with status and code; the others are delivered', async () => {
    const world = start()
    const delivery = world.process.put('u1', { email: 'a@b.c', tags: [], display_name: 'A' })
    ;(await next(world)).answer('refused', 422)
    for (let i = 0; i < 3; i++) {
      await world.settle()
      const [call] = world.process.open
      call?.answer('email' in call.contact ? 'refused' : 'done', 'email' in call.contact ? 400 : 200)
    }
    expect(await delivery).toEqual({ kind: 'accepted' })
    expect(parkedIn(world.process)).toMatchObject([{ fields: ['email'], reason: '400 refused' }])
    expect(await world.process.put('u1', { tags: [], display_name: 'A' })).toEqual({ kind: 'delivered' })
    void world.process.put('u1', { email: 'b@b.c' })
    ;(await next(world)).answer('done')
    await world.settle()
    expect(await world.process.store.stats()).toEqual({ pending: 0, parked: 0 })
  })

  test('is sent again with what has come since, in place of being taken apart', async () => {
    const world = start()
    const first = world.process.put('u1', { email: 'bad', tags: [] })
    await world.settle()
    const second = world.process.put('u1', { email: 'a@b.c' })
    await world.settle()
    world.process.open[0]?.answer('refused')
    ;(await next(world)).answer('done')
    expect(await first).toMatchObject({ kind: 'delivered' })
    expect(await second).toMatchObject({ kind: 'delivered' })
    expect(world.process.calls.at(-1)).toEqual({ external_id: 'u1', email: 'a@b.c', tags: [] })
    expect(world.process.calls).toHaveLength(2)
  })
})

test('F34: a contact that is purged while it is on the wire is not sent again when that connection closes', async () => {
  const world = start()
  void world.process.put('u1', { email: 'a@b.c' })
  const call = await next(world)
  await world.process.store.purge('u1', world.clock.now() + 30_000)
  call.fail(Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' }))
  await world.settle()
  await world.clock.advance(60_000)
  expect(world.process.calls).toHaveLength(1)
})

test('F34: a contact that is purged while a second claim of it is lined up behind the first is not sent again', async () => {
  const world = start()
  void world.process.put('u1', { email: 'a@b.c' })
  const call = await next(world)
  // Its clock leaps: the lease seems to be over, and the contact is claimed again.
  world.clock.set(world.clock.now() + 3_600_000)
  void world.process.put('u1', { email: 'b@b.c' })
  await world.settle()
  await world.process.store.purge('u1', world.clock.now() + 30_000)
  call.answer('retry')
  await world.settle()
  await world.clock.advance(60_000)
  expect(world.process.calls).toHaveLength(1)
})

test('a claim that waited too long is not sent under its old lease', async () => {
  const world = start()
  void world.process.put('u1')
  const call = await next(world)
  // Its clock leaps: the lease seems to be over, and the contact is claimed again.
  world.clock.set(world.clock.now() + 3_600_000)
  await world.clock.advance(15_000)
  expect(world.process.open).toHaveLength(1)
  call.answer('done')
  await world.settle()
  ;(await next(world)).answer('done')
  await world.settle()
  expect(await world.process.store.stats()).toMatchObject({ pending: 0 })
})

test('F31: a hot contact has one call at a time, and the newest value last', async () => {
  const world = start()
  for (let i = 0; i < 500; i++) void world.process.put('hot', { tags: [`${i}`] })
  const cold = world.process.put('cold')
  await world.settle()
  expect(world.process.open.map(({ contact }) => contact.external_id).sort()).toEqual(['cold', 'hot'])
  await answerAll(world, 'done')
  expect(await cold).toMatchObject({ kind: 'delivered' })
  await next(world)
  await answerAll(world, 'done')
  expect(world.process.calls.length).toBeLessThanOrEqual(4)
  expect(world.process.calls.filter(({ external_id }) => external_id === 'hot').at(-1)?.tags).toEqual(['499'])
})

test('a slot is free again with upstream’s answer, before that is on the disk', async () => {
  const world = start({ concurrency: 1 })
  const first = world.process.put('u1')
  void world.process.put('u2')
  await world.settle()
  const { store, open } = world.process
  const { done } = store
  let writes = (): void => {}
  const written = new Promise<void>((resolve) => {
    writes = resolve
  })
  store.done = (claim) => written.then(() => done(claim))
  open[0]?.answer('done')
  expect(await first).toMatchObject({ kind: 'delivered' })
  await world.settle()
  const onTheWire = open.map(({ contact }) => contact.external_id)
  writes()
  expect(onTheWire).toEqual(['u2'])
})

test('closing lets calls end, gives the rest back, and the next process goes on at once', async () => {
  const world = start({ concurrency: 2 })
  const first = world.process.put('u1')
  void world.process.put('u2')
  await world.settle()
  const closed = world.process.dispatcher.close(3_000)
  await world.settle()
  world.process.open[0]?.answer('done')
  expect(await first).toMatchObject({ kind: 'delivered' })
  await world.clock.advance(3_000)
  await closed
  const heir = world.start()
  await world.clock.advance(500)
  expect(heir.calls).toEqual([{ external_id: 'u2' }])
})

test('what follows a dropped update is not sent beside it by another process, so that it is not overtaken', async () => {
  const world = start()
  const { process: one, clock, settle } = world
  const two = world.start()
  await settle()
  void one.put('u1', { email: 'old@b.c' })
  await settle()
  const [entry] = await two.store.list({ limit: 1 })
  await two.store.drop(entry?.id ?? '')
  expect(await two.put('u1', { email: 'new@b.c' })).toEqual({ kind: 'accepted' })
  await clock.advance(5_000)
  expect(two.calls).toEqual([])
  one.open[0]?.answer('done')
  await clock.advance(500)
  const [call] = [...one.open, ...two.open]
  expect(call?.contact.email).toBe('new@b.c')
  call?.answer('done')
  await settle()
  expect(await two.put('u1', { email: 'new@b.c' })).toEqual({ kind: 'delivered' })
  expect(await two.store.stats()).toEqual({ pending: 0, parked: 0 })
})
