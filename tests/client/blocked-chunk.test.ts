import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWorld, refused, reply, tokenFor, type World } from './harness.ts'
import { answerAlways, hearConsole, later, look, noChunk, storedContacts } from './look.ts'

let world: World
beforeEach(() => {
  world = createWorld()
  hearConsole()
})
afterEach(() => {
  vi.restoreAllMocks()
})

const user = { externalId: 'user_1', email: 'jane@example.com' }
const changed = { ...user, email: 'changed@example.com' }

describe('without its chunk, a page', () => {
  test.each([
    [200, '{"status":["delivered"]}'],
    [200, '{"status":["accepted"]}'],
    [200, '{"status":"accepted"}'],
    [201, '{"status":"delivered"}'],
    [202, '{"status":"delivered"}'],
  ])('takes %i %s for no acknowledgement', async (status, body) => {
    answerAlways(world, () => reply(status, body))
    const outcome = look(world.load({}, noChunk).orq.identify(user))
    await later(world.clock, 12_000)
    expect([outcome(), storedContacts(world).length]).toEqual(['pending: unreachable', 1])
  })

  test.each([
    ["the proxy's own 429", () => refused(429, 'rate_limited', {}, { 'retry-after': '60' })],
    ['a foreign 503', () => reply(503, '<html>', { 'retry-after': '60' })],
  ])('waits for the Retry-After of %s', async (_, answer) => {
    world.replies = [answer]
    const { orq, posts } = world.load({}, noChunk)
    orq.identify(user)
    await later(world.clock, 40_000)
    orq.identify(changed)
    await later(world.clock, 10_000)
    expect(posts).toHaveLength(1)
    await later(world.clock, 20_000)
    expect(posts.at(-1)?.body.email).toBe('changed@example.com')
  })

  test('sends again after an answer that never comes', async () => {
    world.replies = [() => new Promise(() => {})]
    const { orq, posts } = world.load({}, noChunk)
    orq.identify(user)
    await later(world.clock, 20_000)
    const outcome = look(orq.identify(changed))
    await later(world.clock, 12_000)
    expect([outcome(), posts.at(-1)?.body.email]).toEqual(['delivered', 'changed@example.com'])
  })

  test('asks again after a token that never comes', async () => {
    let asked = 0
    const token = () => (asked++ ? tokenFor('user_1') : new Promise<string>(() => {}))
    const { orq } = world.load({ token }, noChunk)
    orq.identify(user)
    await later(world.clock, 20_000)
    const outcome = look(orq.identify(changed))
    await later(world.clock, 12_000)
    expect(outcome()).toBe('delivered')
  })

  test('is not put off by a clock that is set back', async () => {
    world.replies = [() => new TypeError('network')]
    const { orq } = world.load({}, noChunk)
    orq.identify(user)
    await later(world.clock, 300)
    world.clock.set(world.clock.now() - 2 * 86_400_000)
    const outcome = look(orq.identify(changed))
    await later(world.clock, 12_000)
    expect(outcome()).toBe('delivered')
  })
})
