import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWorld, refused, reply, type World } from './harness.ts'
import { answerAlways, hearConsole, look, named, storedContacts } from './look.ts'

let world: World
beforeEach(() => {
  world = createWorld()
  hearConsole()
})
afterEach(() => {
  vi.restoreAllMocks()
})

const user = { externalId: 'user_1', email: 'jane@example.com' }

/** Sends one update that is answered so, then another that is delivered. */
const playAnswer = async (answer: Response) => {
  world.replies = [() => answer]
  const { orq, posts } = world.load()
  const first = look(orq.identify(user))
  await world.clock.advance(12_000)
  const outcome = first()
  const sent = posts.length
  const kept = storedContacts(world).length
  world.replies = []
  const second = look(orq.identify({ externalId: 'user_1', tags: ['later'] }))
  await world.clock.advance(3_700_000)
  return { outcome, sent, kept, later: second(), last: posts.at(-1), repeated: posts.slice(1) }
}

describe('JSON with status 200 that is not ours', () => {
  test.each(
    named([
      'null',
      'true',
      '0',
      '1e300',
      '"delivered"',
      '[]',
      '["delivered"]',
      '[{"status":"delivered"}]',
      '{}',
      '{"status":null}',
      '{"status":200}',
      '{"status":true}',
      '{"status":["delivered"]}',
      '{"status":{"toString":"delivered"}}',
      '{"status":"Delivered"}',
      '{"status":" delivered"}',
      '{"status":"delivered\\u0000"}',
      '{"status":"accepted"}',
      '{"data":{"status":"delivered"}}',
      '{"__proto__":{"status":"delivered"}}',
      '{"code":"superseded","number":5}',
      '{"code":["rate_limited"]}',
      `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
      `{"text":"${'x'.repeat(1_000_000)}"}`,
    ]),
  )('acknowledges nothing and drops nothing: %s', async (_, body) => {
    const { outcome, kept, later, last } = await playAnswer(reply(200, body))
    expect([outcome, kept, later]).toEqual(['pending: unreachable', 1, 'delivered'])
    expect(last?.body).toEqual({ external_id: 'user_1', email: 'jane@example.com', tags: ['later'] })
  })

  test.each([
    [201, { status: 'delivered' }],
    [202, { status: 'delivered' }],
    [203, { status: 'accepted' }],
    [206, { status: 'delivered' }],
    [299, { status: 'accepted' }],
  ])('is that of another status, too: %i %j', async (status, body) => {
    expect((await playAnswer(reply(status, body))).outcome).toBe('pending: unreachable')
  })
})

test.each([
  { code: 'invalid_field', path: 'email' },
  { number: 1e300 },
  { number: 'abc', path: ['email'] },
  { external_id: 'somebody_else' },
  { refused: ['email'], status_code: 500 },
])('a delivered update is delivered, whatever else its answer says: %j', async (more) => {
  const { outcome, sent, later } = await playAnswer(reply(200, { status: 'delivered', ...more }))
  expect([outcome, sent, later]).toEqual(['delivered', 1, 'delivered'])
})

describe('the number of a superseded update', () => {
  test.each(['"abc"', '"1900000000000"', '1e300', '-1e300', '1e15', '-1', '0', '1.5', 'null', 'true', '[5]', '{}'])(
    'counts as none when it is %s, and the update goes again',
    async (number) => {
      const { outcome, sent, later, last } = await playAnswer(reply(409, `{"code":"superseded","number":${number}}`))
      expect([outcome, sent, later]).toEqual(['delivered', 2, 'delivered'])
      expect(last?.number).toBeLessThan(1_900_000_000_000)
    },
  )

  // One more than that has sixteen digits, which no proxy takes.
  test.each(['999999999999999', '999999999999998'])(
    'counts as none when no room is left above it: %s',
    async (number) => {
      const { outcome, later, last } = await playAnswer(reply(409, `{"code":"superseded","number":${number}}`))
      expect([outcome, later]).toEqual(['delivered', 'delivered'])
      expect(last?.number).toBeLessThan(1_000_000_000_000_000)
    },
  )

  test.each([
    [200, { status: 'delivered' }],
    [503, { code: 'store_unavailable' }],
    [429, { code: 'rate_limited' }],
    [422, { code: 'invalid_field', path: 'email' }],
  ])('counts in no other answer: %i %j', async (status, body) => {
    const { last } = await playAnswer(reply(status, { ...body, number: 900_000_000_000_000 }))
    expect(last?.number).toBeLessThan(1_900_000_000_000)
  })

  test('may be missing', async () => {
    expect((await playAnswer(refused(409, 'superseded'))).outcome).toBe('delivered')
  })

  test('never makes a loop', async () => {
    answerAlways(world, () => refused(409, 'superseded', { number: 1 }))
    const { orq, posts } = world.load()
    const outcome = look(orq.identify(user))
    await world.clock.advance(60_000)
    expect(outcome()).toBe('pending: server')
    expect(posts.length).toBeLessThan(20)
  })
})

describe('the path of a refused field', () => {
  // In rows of one: a list would be taken for the arguments.
  test.each([[['email']], [5], [null], [{}], [{ email: 1 }], [''], [' email'], ['Email'], ['tags'], ['external_id']])(
    'that names no field of the update refuses it whole: %j',
    async (path) => {
      const { sent, outcome, later } = await playAnswer(refused(422, 'invalid_field', { path }))
      expect([sent, outcome, later]).toEqual([1, 'dropped: rejected', 'delivered'])
    },
  )

  test.each([[['email']], ['email'], [5], [{}], [null], ['__proto__'], ['constructor']])(
    'means nothing beside rate_limited: %j',
    async (path) => {
      const { outcome, later, last } = await playAnswer(refused(429, 'rate_limited', { path }, { 'retry-after': '20' }))
      expect([outcome, later]).toEqual(['pending: rate_limited', 'delivered'])
      expect(last?.body).toEqual({ external_id: 'user_1', email: 'jane@example.com', tags: ['later'] })
    },
  )
})

describe('the path of a refused field that is the name of something every object has', () => {
  test.each([
    'constructor',
    '__proto__',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'constructor.name',
    '__proto__.polluted',
    '__defineGetter__',
  ])('refuses the update whole, and makes no loop: %s', async (path) => {
    answerAlways(world, () => refused(422, 'invalid_field', { path }))
    const { orq, posts } = world.load()
    const outcome = look(orq.identify(user))
    await world.clock.advance(12_000)
    expect([outcome(), posts.length]).toEqual(['dropped: rejected', 1])
  })
})

describe("one of the proxy's codes under a status that is not its own is somebody else's: kept", () => {
  test.each([
    [502, 'bad_request'],
    [503, 'too_large'],
    [500, 'invalid_field'],
    [429, 'bad_request'],
    [404, 'bad_request'],
    [401, 'invalid_field'],
    [403, 'bad_request'],
    [500, 'token_revoked'],
  ])('%i %s', async (status, code) => {
    const { outcome, later, repeated } = await playAnswer(refused(status, code))
    expect([outcome, later]).toEqual(['pending: unreachable', 'delivered'])
    expect(repeated.some(({ body }) => body.email === 'jane@example.com')).toBe(true)
  })
})

describe('alternating refusals never make a loop', () => {
  const answers: [string, () => Response][] = [
    ['token_expired', () => refused(401, 'token_expired')],
    ['superseded', () => refused(409, 'superseded', { number: 1e300 })],
    ['scope_mismatch', () => refused(403, 'scope_mismatch')],
    ['a refused field', () => refused(422, 'invalid_field', { path: 'email' })],
    ['a page', () => reply(200, '<!doctype html>')],
  ]
  const pairs = answers.flatMap(([one, first], n) =>
    answers.slice(n + 1).map(([other, second]) => [`${one} and ${other}`, first, second] as const),
  )
  test.each(pairs)('%s', async (_, first, second) => {
    let n = 0
    answerAlways(world, () => (n++ % 2 ? second() : first()))
    const { orq, posts } = world.load()
    const outcome = look(orq.identify(user))
    await world.clock.advance(12_000)
    expect(outcome()).not.toBe('open')
    expect(posts.length).toBeLessThan(20)
  })
})

describe('what comes in place of a Response', () => {
  const strange: [string, () => unknown][] = [
    ['nothing', () => undefined],
    ['null', () => null],
    ['a text', () => 'delivered'],
    ['an empty object', () => ({})],
    ['one without headers', () => ({ status: 200, json: async () => ({ status: 'delivered' }) })],
    [
      'one whose body was read',
      () => {
        const response = reply(200, { status: 'delivered' })
        response.text()
        return response
      },
    ],
    [
      'one whose body breaks off',
      () => new Response(new ReadableStream({ start: (body) => body.error(new Error('x')) })),
    ],
    ['one whose body never ends', () => new Response(new ReadableStream())],
    ['a promise for ever', () => new Promise(() => {})],
    ['a rejection with nothing', () => Promise.reject()],
  ]
  test.each(strange)('%s: kept, and delivered when the network is right again', async (_, answer) => {
    let isStrange = true
    const fetch = () => (isStrange ? answer() : reply(200, { status: 'delivered' })) as Promise<Response>
    const { orq } = world.load({ fetch: async () => fetch() })
    const first = look(orq.identify(user))
    await world.clock.advance(12_000)
    expect(first()).toMatch(/^pending: (unreachable|timeout)$/)
    isStrange = false
    const second = look(orq.identify({ externalId: 'user_1', tags: ['later'] }))
    await world.clock.advance(60_000)
    expect([second(), storedContacts(world)]).toEqual(['delivered', []])
  })
})
