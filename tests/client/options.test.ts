import { describe, expect, test } from 'vitest'
import type { ClientOptions, Consent } from '../../src/index.ts'
import { createOrq, createWorld, delivered, refused, tokenFor } from './harness.ts'
import { createSite, watchConsole } from './site.ts'

const aTime = /a number of milliseconds from/
const secret = tokenFor('jane@example.com')
const broken = {
  get get(): never {
    throw new Error('mine')
  },
  set: () => {},
}

/** An option, what it may be in the words of its error, and values that are not. */
const wrong: [name: keyof ClientOptions, kind: RegExp, values: unknown[]][] = [
  ['proxyUrl', /a URL/, ['', 'http://', 'https://[', 5, true, {}, [], Symbol('x')]],
  ['tokenUrl', /a URL/, ['', 'https://', 0, false, () => '/token']],
  ['token', /a string or a function/, [5, 0, true, {}, ['x'], Promise.resolve('x'), Symbol('x')]],
  ['subjectClaim', /a string/, ['', 5, ['sub'], /sub/, () => 'sub']],
  [
    'debounceMs',
    aTime,
    [
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 31,
      '',
      ' ',
      'soon',
      '250ms',
      '1,5',
      [],
      [250],
      true,
      250n,
      new Date(5),
    ],
  ],
  ['maxWaitMs', aTime, [-0.5, Number.NEGATIVE_INFINITY, 'Infinity', '2s', {}, false]],
  ['dedupeTtlMs', aTime, [-1, Number.NaN, Number.POSITIVE_INFINITY, 1e15 + 1, Number.MAX_SAFE_INTEGER, '1 day']],
  ['outboxTtlMs', aTime, [-1, Number.POSITIVE_INFINITY, 1e16, 'never', '7d', {}]],
  ['timeoutMs', aTime, [0, -1, 0.5, Number.POSITIVE_INFINITY, 30 * 86_400_000, '0', 'none', Number.NaN]],
  ['settleMs', aTime, [0, -1, Number.POSITIVE_INFINITY, 2 ** 31, '', 'false']],
  ['outbox', /'local' or 'memory'/, ['Memory', 'session', '', 'local ', true, 0, {}]],
  [
    'consent',
    /'granted', 'pending' or 'denied'/,
    ['grant', 'Granted', 'marketing', '', ' granted', true, false, 1, {}, () => 'granted'],
  ],
  ['respectPrivacySignals', /true or false/, ['yes', 'TRUE', 1, 0, {}]],
  ['debug', /true or false/, ['on', 1, 'null', {}, () => true]],
  ['retries', /an object/, ['none', 5, true, () => ({})]],
  ['beforeSend', /a function/, ['f', {}, true, 5]],
  ['fetch', /a function/, ['fetch', {}, true, { fetch: () => {} }]],
  [
    'storage',
    /an object with get, set/,
    ['local', {}, { get: () => {} }, { getItem: () => {}, setItem: () => {} }, { get: 1, set: 2 }, broken, true],
  ],
  [
    'clock',
    /an object with now, monotonic, after/,
    [Date, {}, { now: () => 0 }, { now: () => 0, monotonic: 0, after: () => {} }, 0],
  ],
]
const cases = wrong.flatMap(([name, kind, values]) =>
  values.map((value) => ({
    name,
    kind,
    value,
    text:
      typeof value === 'string'
        ? `'${value}'`
        : typeof value === 'object'
          ? `${Object.prototype.toString.call(value)} of ${Object.keys(value as object)}`
          : String(value),
  })),
)

describe('init throws a RangeError that names the option and what it may be', () => {
  test.each(cases)('$name: $text', ({ name, kind, value }) => {
    const world = createWorld()
    let error: unknown
    try {
      world.load({ [name]: value })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(RangeError)
    const { message } = error as Error
    expect(message).toMatch(new RegExp(`^orq: ${name} must be `))
    expect(message).toMatch(kind)
    expect(world.storage.values.size).toBe(0)
  })

  test.each([
    ['debounceMs', /from 0 to 2147483647/],
    ['timeoutMs', /from 1 to 2147483647/],
    ['settleMs', /from 1 to 2147483647/],
    ['dedupeTtlMs', /from 0 to 1000000000000000/],
    ['outboxTtlMs', /from 0 to 1000000000000000/],
  ])('%s: with its range', (name, range) => {
    expect(() => createWorld().load({ [name]: -1 })).toThrow(range)
  })
})

describe('no error of an option shows what can be a secret', () => {
  test.each([
    ['proxyUrl', `https://jane:${secret}@[`],
    ['tokenUrl', `http://?${secret}:x@`],
    ['token', { token: secret }],
    ['token', [secret]],
    ['subjectClaim', [secret]],
    ['retries', secret],
    ['beforeSend', secret],
    ['storage', secret],
    ['clock', { secret }],
    ['fetch', secret],
  ])('%s', (name, value) => {
    let message = ''
    try {
      createWorld().load({ [name]: value })
    } catch (error) {
      message = String(error)
    }
    expect(message).toContain(name)
    expect(message).not.toContain(secret)
  })
})

describe('a value at the end of its range works', () => {
  test.each<ClientOptions>([
    { debounceMs: 0 },
    { debounceMs: '0' as never },
    { debounceMs: 1.5 },
    { debounceMs: -0, maxWaitMs: 0 },
    { maxWaitMs: 2 ** 31 - 1 },
    { dedupeTtlMs: 1e15, outboxTtlMs: 1e15 },
    { dedupeTtlMs: 0 },
    { timeoutMs: 2 ** 31 - 1, settleMs: 2 ** 31 - 1 },
    { timeoutMs: ' 5000 ' as never },
    { debug: '' as never },
    { debug: 'false' as never, respectPrivacySignals: 'false' as never },
    { outbox: undefined, consent: undefined, retries: undefined, token: tokenFor('user_1') },
    { outbox: null as never, consent: null as never, debounceMs: null as never },
    { proxyUrl: new URL('https://app.example/orq/') },
  ])('%o', async (options) => {
    watchConsole()
    const world = createWorld()
    const { orq } = world.load(options)
    orq.identify('user_1', { plan: 'pro' })
    await world.clock.advance(10_000)
    expect(world.posts.map(({ body }) => body)).toEqual([{ external_id: 'user_1', metadata: { plan: 'pro' } }])
  })
})

test('after an init that threw a right one starts, and what was called before is sent', async () => {
  const site = createSite()
  const orq = createOrq()
  const call = orq.identify('user_1')
  expect(() => orq.init({ consent: 'marketing' as Consent })).toThrow(RangeError)
  expect(() => orq.init({ timeoutMs: 0 })).toThrow(RangeError)
  const { storage, clock } = site
  orq.init({ storage, clock, token: tokenFor('user_1'), fetch: async () => delivered() })
  expect(await site.outcomeOf(call)).toBe('delivered')
})

describe('consent() with a value that is none', () => {
  const values: unknown[] = [
    'grant',
    'GRANTED',
    '',
    'marketing',
    'granted ',
    true,
    false,
    null,
    undefined,
    0,
    1,
    Number.NaN,
    {},
    () => 'granted',
    ['marketing'],
    { granted: true },
  ]
  const setUp = async () => {
    watchConsole()
    const world = createWorld()
    world.replies = [() => refused(503, 'store_unavailable', {}, { 'retry-after': '600' })]
    const { orq } = world.load()
    orq.identify('user_1', { email: 'jane@example.com' })
    await world.clock.advance(1_000)
    return { world, orq, stored: () => [...world.storage.values].join() }
  }

  test.each(values)('%o: throws a RangeError that names it, and erases nothing', async (value) => {
    const { world, orq, stored } = await setUp()
    const before = stored()
    expect(before).toContain('jane@example.com')
    expect(() => orq.consent(value as Consent)).toThrow(/^orq: consent must be 'granted', 'pending' or 'denied'/)
    expect(stored()).toBe(before)
    await world.clock.advance(700_000)
    expect(world.posts).toHaveLength(2)
  })

  test('before init counts for nothing', async () => {
    const site = createSite()
    const orq = createOrq()
    expect(() => orq.consent('yes' as Consent)).toThrow(RangeError)
    const { storage, clock } = site
    orq.init({ storage, clock, token: tokenFor('user_1'), fetch: async () => delivered() })
    expect(await site.outcomeOf(orq.identify('user_1'))).toBe('delivered')
  })
})
