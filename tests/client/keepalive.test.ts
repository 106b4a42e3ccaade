import { beforeEach, describe, expect, test } from 'vitest'
import { createWorld, type Posted, refused, reply, type World } from './harness.ts'
import { watchConsole, withGlobals } from './site.ts'

const user = { externalId: 'user_1', metadata: { text: 'x'.repeat(8_000) } }
const failed = (): Error => new TypeError('Failed to fetch')
/** As a browser with nothing left of the 64 KiB that all keepalive requests of a page share. */
const full = ({ keepalive }: Posted): Response | Error => (keepalive ? failed() : reply(200, { status: 'delivered' }))
let world: World
beforeEach(() => {
  world = createWorld()
  watchConsole()
})
const sent = () => world.posts.map(({ keepalive }) => keepalive)

describe('another script has used up what keepalive requests share', () => {
  test('the first request fails, the second goes without keepalive, under the same number', async () => {
    world.replies = [full, full]
    world.load().orq.identify(user)
    await world.clock.advance(10_000)
    expect(sent()).toEqual([true, false])
    expect(new Set(world.posts.map(({ number }) => number)).size).toBe(1)
    expect([...world.storage.values].join()).not.toContain('xxx')
  })

  test('for good: every change is delivered, by two requests at most', async () => {
    world.replies = Array.from({ length: 100 }, () => full)
    const { orq, decisions } = world.load()
    for (let n = 0; n < 5; n++) {
      orq.identify('user_1', { n })
      await world.clock.advance(10_000)
    }
    expect(decisions.filter((text) => text === 'delivered')).toHaveLength(5)
    expect(world.posts.length).toBeLessThanOrEqual(10)
  })

  test('on each page load anew', async () => {
    for (let page = 0; page < 3; page++) {
      world.posts.length = 0
      world.replies = [full, full]
      const { orq } = world.load()
      orq.identify('user_1', { page })
      await world.clock.advance(10_000)
      orq.close()
      expect(sent()).toEqual([true, false])
    }
  })

  test('and the fetch of the page throws at once: the same', async () => {
    const seen: (boolean | undefined)[] = []
    const { orq } = world.load({
      fetch: (input, init) => {
        const { keepalive } = new Request(input, init)
        seen.push(keepalive)
        if (keepalive) throw failed()
        return Promise.resolve(reply(200, { status: 'delivered' }))
      },
    })
    orq.identify(user)
    await world.clock.advance(10_000)
    expect(seen).toEqual([true, false])
  })

  test('while the tab is hidden: with keepalive, as the page may go at any moment', async () => {
    withGlobals({
      document: Object.assign(new EventTarget(), { visibilityState: 'hidden' }),
      addEventListener: () => {},
      navigator: {},
    })
    world.replies = [full, full]
    world.load().orq.identify(user)
    await world.clock.advance(2_000)
    expect(sent().length).toBeGreaterThan(1)
    expect(new Set(sent())).toEqual(new Set([true]))
  })
})

describe('keepalive stays', () => {
  test.each<[string, () => Response]>([
    ['503', () => refused(503, 'store_unavailable')],
    ["a gateway's 502", () => reply(502, '<html>')],
    ['429', () => refused(429, 'rate_limited')],
    ['401, renewed', () => refused(401, 'token_expired')],
    ['409', () => refused(409, 'superseded', { number: 5 })],
  ])('after %s, which did pass', async (_, answer) => {
    world.replies = [answer]
    world.load().orq.identify(user)
    await world.clock.advance(60_000)
    expect(sent()).toEqual([true, true])
  })

  test('after a failure that one answer has followed', async () => {
    world.replies = [failed]
    const { orq } = world.load()
    orq.identify(user)
    await world.clock.advance(10_000)
    orq.identify('user_1', { small: true })
    await world.clock.advance(10_000)
    expect(sent()).toEqual([true, false, true])
  })
})

test.each([
  ['16 KiB', 16_384 - '{"external_id":"user_1","metadata":{"text":""}}'.length, true],
  ['a byte more', 16_385 - '{"external_id":"user_1","metadata":{"text":""}}'.length, false],
])('a body of %s: keepalive %o', async (_, length, keepalive) => {
  world.load().orq.identify('user_1', { text: 'x'.repeat(length as number) })
  await world.clock.advance(5_000)
  expect(sent()).toEqual([keepalive])
})

test('a body of few letters of many bytes counts in bytes', async () => {
  world.load().orq.identify('user_1', { text: '€'.repeat(6_000) })
  await world.clock.advance(5_000)
  expect(sent()).toEqual([false])
})
