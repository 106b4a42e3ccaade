import { beforeEach, describe, expect, test } from 'vitest'
import { createWorld, delivered, refused, type World } from './harness.ts'
import { later, noChunk } from './look.ts'
import { watchConsole, withGlobals } from './site.ts'

const user = { externalId: 'user_1', email: 'jane@example.com' }
let world: World
beforeEach(() => {
  world = createWorld()
  watchConsole()
})
const stored = (): string => [...world.storage.values].join()

describe('without the chunk', () => {
  test.each([-60_000, -2 * 86_400_000])(
    'a clock that is set back by %i ms during a back-off delays nothing',
    async (ms) => {
      world.replies = [() => refused(503, 'store_unavailable')]
      world.load({}, noChunk).orq.identify(user)
      await later(world.clock, 300)
      expect(world.posts).toHaveLength(1)
      world.clock.set(world.clock.now() + ms)
      await later(world.clock, 30_000)
      expect(world.posts).toHaveLength(2)
      expect(stored()).not.toContain('jane@')
    },
  )

  test('a clock that is set back during a back-off, and a new page: the page sends', async () => {
    world.replies = [() => refused(503, 'store_unavailable')]
    const first = world.load({}, noChunk).orq
    first.identify(user)
    await later(world.clock, 300)
    first.close()
    world.clock.set(world.clock.now() - 2 * 86_400_000)
    world.load({}, noChunk).orq.identify(user)
    await later(world.clock, 30_000)
    expect(world.posts).toHaveLength(2)
  })

  test('another script that has used up what keepalive requests share: the retry goes without keepalive, same number', async () => {
    world.replies = Array.from(
      { length: 5 },
      () =>
        ({ keepalive }) =>
          keepalive ? new TypeError('full') : delivered(),
    )
    world.load({}, noChunk).orq.identify('user_1', { text: 'x'.repeat(8_000) })
    await later(world.clock, 30_000)
    expect(world.posts.map(({ keepalive }) => keepalive)).toEqual([true, false])
    expect(new Set(world.posts.map(({ number }) => number)).size).toBe(1)
  })

  test('the network is back after a long back-off: sent at once', async () => {
    const frame = new EventTarget()
    withGlobals({
      navigator: {},
      document: Object.assign(new EventTarget(), { visibilityState: 'hidden' }),
      addEventListener: frame.addEventListener.bind(frame),
    })
    world.replies = Array.from({ length: 1_000 }, () => () => new TypeError('network'))
    world.load({}, noChunk).orq.identify(user)
    await later(world.clock, 600_000)
    await later(world.clock, 1_000)
    world.replies = []
    const before = world.posts.length
    frame.dispatchEvent(new Event('online'))
    await later(world.clock, 1_000)
    expect(world.posts).toHaveLength(before + 1)
  })

  test('a Retry-After of the proxy is waited for', async () => {
    world.replies = [() => refused(429, 'rate_limited', {}, { 'retry-after': '60' })]
    world.load({}, noChunk).orq.identify(user)
    await later(world.clock, 50_000)
    expect(world.posts).toHaveLength(1)
  })
})
