import { beforeEach, describe, expect, test } from 'vitest'
import { createWorld, refused, type World } from './harness.ts'
import { told, watchConsole } from './site.ts'

const user = { externalId: 'user_1', email: 'jane@example.com' }
const hour = 3_600_000
const day = 24 * hour
let world: World
beforeEach(() => {
  world = createWorld()
  watchConsole()
})

/** The wall clock alone: what a sleeping device or a person who sets it does. Timers and the monotonic clock stand still. */
const jump = (ms: number): void => world.clock.set(world.clock.now() + ms)

describe('the same call again, after the wall clock alone has moved', () => {
  test.each<[string, number[], string]>([
    ['25 hours asleep', [25 * hour], 'delivered'],
    ['exactly dedupeTtlMs asleep', [day], 'delivered'],
    ['23 hours asleep', [23 * hour], 'duplicate'],
    ['set back by two days', [-2 * day], 'delivered'],
    ['set back by an hour', [-hour], 'delivered'],
    ['set back to 1970', [-1_799_000_000_000], 'delivered'],
    ['ahead by ten years', [3_650 * day], 'delivered'],
    ['two naps of 13 hours', [13 * hour, 13 * hour], 'delivered'],
    ['ahead by 23 hours, and back by 22', [23 * hour, -22 * hour], 'duplicate'],
  ])('%s', async (_, jumps, outcome) => {
    const { orq } = world.load()
    orq.identify(user)
    await world.clock.advance(1_000)
    // The second call is the one that is remembered.
    expect(told(await orq.identify(user))).toBe('duplicate')
    for (const ms of jumps) jump(ms)
    const call = orq.identify(user)
    await world.clock.advance(5_000)
    expect(told(await call)).toBe(outcome)
    expect(world.posts).toHaveLength(outcome === 'duplicate' ? 1 : 2)
  })

  test('after a wrong clock was ahead by a year and delivered, the right clock delivers once more, and no more', async () => {
    jump(365 * day)
    world.load().orq.identify(user)
    await world.clock.advance(5_000)
    jump(-365 * day)
    const { orq } = world.load()
    orq.identify(user)
    await world.clock.advance(5_000)
    expect(told(await orq.identify(user))).toBe('duplicate')
    expect(world.posts).toHaveLength(2)
    expect(world.posts[1]!.number).toBeGreaterThan(world.posts[0]!.number)
  })
})

describe('the clock is set back', () => {
  test('while a back-off runs: it is tried again at once or after that back-off, not after the clock has caught up', async () => {
    world.replies = [() => refused(503, 'store_unavailable')]
    world.load().orq.identify(user)
    await world.clock.advance(300)
    jump(-2 * day)
    await world.clock.advance(10_000)
    expect(world.posts).toHaveLength(2)
  })

  test('while a back-off runs, and the page is loaded anew: the same', async () => {
    world.replies = [() => refused(503, 'store_unavailable')]
    const { orq } = world.load()
    orq.identify(user)
    await world.clock.advance(300)
    orq.close()
    jump(-2 * day)
    world.load()
    await world.clock.advance(10_000)
    expect(world.posts).toHaveLength(2)
  })

  test('while a Retry-After of ten minutes runs: tried again within those', async () => {
    world.replies = [() => refused(429, 'rate_limited', {}, { 'retry-after': '600' })]
    world.load().orq.identify(user)
    await world.clock.advance(300)
    jump(-2 * day)
    await world.clock.advance(610_000)
    expect(world.posts).toHaveLength(2)
  })

  test('numbers of one browser rise all the same, and the last value is the last to be sent', async () => {
    const { orq } = world.load()
    for (const [n, ms] of [0, -day, 2 * day, -3 * day, hour].entries()) {
      jump(ms)
      orq.identify({ ...user, metadata: { n } })
      await world.clock.advance(5_000)
    }
    const numbers = world.posts.map(({ number }) => number)
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
    expect(world.posts.map(({ body }) => (body.metadata as { n: number }).n)).toEqual([0, 1, 2, 3, 4])
  })

  test('what waits in the outbox is neither lost nor sent twice', async () => {
    world.replies = Array.from({ length: 3 }, () => () => new TypeError('network'))
    const { orq } = world.load()
    orq.identify(user)
    await world.clock.advance(1_000)
    orq.close()
    world.replies = []
    const before = world.posts.length
    jump(-30 * day)
    const next = world.load().orq
    next.identify(user)
    await world.clock.advance(120_000)
    expect(world.posts.length - before).toBe(1)
  })
})

describe('a device that sleeps', () => {
  test('25 hours while a call is open: the call again is no stale promise, and what waits is sent once', async () => {
    world.person = null
    const { orq } = world.load()
    orq.identify(user)
    await world.clock.advance(30_000)
    jump(25 * hour)
    world.person = 'user_1'
    const call = orq.identify(user)
    await world.clock.advance(30_000)
    expect(told(await call)).toBe('delivered')
    expect(world.posts).toHaveLength(1)
  })

  test('eight days with something in the outbox: too old to be sent, on this page too', async () => {
    world.replies = Array.from(
      { length: 1_000 },
      () => () => refused(503, 'store_unavailable', {}, { 'retry-after': '3600' }),
    )
    const { orq } = world.load()
    orq.identify(user)
    await world.clock.advance(1_000)
    orq.close()
    jump(8 * day)
    const before = world.posts.length
    world.load()
    await world.clock.advance(2 * hour)
    expect(world.posts).toHaveLength(before)
    expect([...world.storage.values].join()).not.toContain('jane@')
  })

  test.each([-10 * 365 * day, -hour, hour, 10 * 365 * day])(
    'or whose clock moves by %i ms: the token at hand is as old as it was',
    async (ms) => {
      const { orq } = world.load()
      orq.identify(user)
      await world.clock.advance(1_000)
      jump(ms)
      orq.identify({ ...user, email: 'new@example.com' })
      await world.clock.advance(1_000)
      expect(world.posts).toHaveLength(2)
      expect(world.tokenCalls).toBe(1)
    },
  )
})
