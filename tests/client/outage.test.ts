import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWorld, refused, reply, type World } from './harness.ts'
import { answerAlways, hearConsole, look, storedContacts } from './look.ts'

let world: World
beforeEach(() => {
  world = createWorld()
  hearConsole()
})
afterEach(() => {
  vi.restoreAllMocks()
})

const user = { externalId: 'user_1', email: 'jane@example.com' }
const hour = 3_600_000

describe('an error page of a web server in front', () => {
  test.each([
    [500, 'Internal Server Error'],
    [500, '{"status":"delivered"}'],
    [500, '{"status":"accepted","code":null}'],
    [502, '<html><h1>502 Bad Gateway</h1></html>'],
    [503, ''],
    [504, '{"message":"Endpoint request timed out"}'],
    [507, 'null'],
    [520, '[]'],
    [599, '"delivered"'],
    [429, 'Too Many Requests'],
    [429, '{"error":{"code":"rate_limited"}}'],
  ])('%i %s is told at once, dropped by nothing, and tried again by itself', async (status, body) => {
    world.replies = [() => reply(status, body)]
    const { orq, posts } = world.load()
    const outcome = look(orq.identify(user))
    await world.clock.advance(300)
    expect([outcome(), storedContacts(world).length]).toEqual(['pending: unreachable', 1])
    await world.clock.advance(2_000)
    expect([posts.length, storedContacts(world)]).toEqual([2, []])
  })

  test.each([301, 400, 401, 402, 403, 404, 405, 410, 418, 421, 451])(
    '%i is not tried again by itself, as a repetition would meet it again',
    async (status) => {
      answerAlways(world, () => reply(status, '<html>'))
      const { orq, posts } = world.load()
      const outcome = look(orq.identify(user))
      await world.clock.advance(2 * hour)
      expect([outcome(), posts.length, storedContacts(world).length]).toEqual(['pending: unreachable', 1, 1])
    },
  )

  test('for hours makes few requests', async () => {
    answerAlways(world, () => reply(502, '<html>'))
    const { orq, posts } = world.load()
    orq.identify(user)
    await world.clock.advance(3 * hour)
    expect(posts.length).toBeLessThan(100)
  })
})

describe('Retry-After', () => {
  const answers: [string, (after: string) => Response][] = [
    ["the proxy's own 429", (after) => refused(429, 'rate_limited', {}, { 'retry-after': after })],
    ["the proxy's own 503", (after) => refused(503, 'store_unavailable', {}, { 'retry-after': after })],
    ['a foreign 429', (after) => reply(429, 'slow down', { 'retry-after': after })],
    ['a foreign 503', (after) => reply(503, '<html>', { 'retry-after': after })],
    ['a foreign 502', (after) => reply(502, '', { 'retry-after': after })],
  ]

  test.each(answers)('of %s is waited for, by new values and over a page load too', async (_, answer) => {
    world.replies = [() => answer('120')]
    const first = world.load()
    first.orq.identify(user)
    await world.clock.advance(60_000)
    first.orq.identify({ ...user, email: 'new@example.com' })
    await world.clock.advance(30_000)
    world.load().orq.identify({ ...user, email: 'newer@example.com' })
    await world.clock.advance(20_000)
    expect(world.posts).toHaveLength(1)
    await world.clock.advance(30_000)
    expect(world.posts.at(-1)?.body.email).toBe('newer@example.com')
  })

  test.each([
    ['a foreign 429', 429],
    ['a foreign 503', 503],
  ])('of %s is waited for where network failures are not tried again', async (_, status) => {
    world.replies = [() => reply(status, '', { 'retry-after': '120' })]
    const { orq, posts } = world.load({ retries: { retryConnectionErrors: false } })
    orq.identify(user)
    await world.clock.advance(60_000)
    orq.identify({ ...user, email: 'new@example.com' })
    await world.clock.advance(30_000)
    expect(posts).toHaveLength(1)
  })

  const absurd = ['99999999999', '1e999', 'Infinity', '9'.repeat(60), 'Fri, 01 Jan 2100 00:00:00 GMT']
  test.each(answers.flatMap(([what, answer]) => absurd.map((after) => [what, after, answer] as const)))(
    'of %s counts for an hour at most: %s',
    async (_, after, answer) => {
      world.replies = [() => answer(after)]
      const { orq, posts } = world.load()
      orq.identify(user)
      await world.clock.advance(hour - 60_000)
      expect(posts).toHaveLength(1)
      await world.clock.advance(180_000)
      expect([posts.length, storedContacts(world)]).toEqual([2, []])
    },
  )

  const meaningless = [
    '-5',
    '-1e999',
    '0',
    'soon',
    '',
    'NaN',
    'null',
    'Fri, 01 Jan 1999 00:00:00 GMT',
    'Fri, 99 Foo',
    '{}',
  ]
  test.each(answers.flatMap(([what, answer]) => meaningless.map((after) => [what, after, answer] as const)))(
    'of %s that means nothing leaves the ordinary back-off: %s',
    async (_, after, answer) => {
      world.replies = [() => answer(after)]
      const { orq, posts } = world.load()
      orq.identify(user)
      await world.clock.advance(300)
      expect(posts).toHaveLength(1)
      await world.clock.advance(2_000)
      expect(posts).toHaveLength(2)
    },
  )
})

describe('after an hour of failures', () => {
  const failures: [string, World['replies'][number]][] = [
    ['no network', () => new TypeError('network')],
    ['a proxy that fails', () => refused(500, 'internal')],
    ['a foreign 502', () => reply(502, '<html>')],
    ['no answer', () => 'hang'],
  ]
  test.each(failures)('(%s) a render loop of the same call makes at most one attempt a minute', async (_, answer) => {
    answerAlways(world, answer)
    const { orq, posts } = world.load()
    orq.identify(user)
    await world.clock.advance(1.2 * hour)
    const before = posts.length
    for (let n = 0; n < 600; n++) {
      orq.identify(user)
      await world.clock.advance(1_000)
    }
    expect(posts.length - before).toBeGreaterThan(0)
    expect(posts.length - before).toBeLessThanOrEqual(12)
    world.replies = []
    orq.identify(user)
    await world.clock.advance(70_000)
    expect(storedContacts(world)).toEqual([])
  })

  test.each(failures)('(%s) a page of ever new values makes at most one attempt a minute', async (_, answer) => {
    answerAlways(world, answer)
    const { orq, posts } = world.load()
    orq.identify(user)
    await world.clock.advance(1.2 * hour)
    const before = posts.length
    for (let n = 0; n < 600; n++) {
      orq.identify({ ...user, metadata: { n } })
      await world.clock.advance(1_000)
    }
    expect(posts.length - before).toBeLessThanOrEqual(12)
  })

  test('a call in a failing outage still settles, at each attempt or at its deadline', async () => {
    answerAlways(world, () => refused(500, 'internal'))
    const { orq } = world.load()
    orq.identify(user)
    await world.clock.advance(2 * hour)
    const outcome = look(orq.identify(user))
    await world.clock.advance(12_000)
    expect(outcome()).toBe('pending: server')
  })
})
