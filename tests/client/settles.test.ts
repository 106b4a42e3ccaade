import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ClientOptions } from '../../src/index.ts'
import { createBrowser } from './browser.ts'
import { createOrq, createWorld, tokenFor, type World } from './harness.ts'
import { type CallAnything, hearConsole, later, look, neverChunk, noChunk, storedContacts } from './look.ts'

const { navigator: navigatorBefore } = globalThis
let world: World
let lines: string[]
beforeEach(() => {
  world = createWorld()
  lines = hearConsole()
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  vi.useRealTimers()
  Reflect.deleteProperty(globalThis, 'document')
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: navigatorBefore })
})

const user = { externalId: 'user_1', email: 'jane@example.com' }
const thenable = (then: (give: (value: unknown) => void) => void): object => Object.fromEntries([['then', then]])
const claims = (payload: string): string => `a.${btoa(payload)}.c`

describe('identify settles, with one console line, whatever the token function gives', () => {
  const broken: [string, () => unknown][] = [
    ['a promise for ever', () => new Promise(() => {})],
    ['a thenable that never calls', () => thenable(() => {})],
    [
      'a thenable that throws',
      () =>
        thenable(() => {
          throw new Error('mine')
        }),
    ],
    ['a thenable that gives no text', () => thenable((give) => give(5))],
    ['an object', () => ({ token: 'abc' })],
    ['a number', () => 5],
    ['true', () => true],
    ['false', () => false],
    ['a symbol', () => Symbol('token')],
    ['a list', () => ['abc']],
    ['blanks', () => '   '],
    ['two lines', () => 'abc\r\nx-evil: 1'],
    ['a letter that no header holds', () => 'tokén'],
    [
      'a throw of nothing',
      () => {
        throw undefined
      },
    ],
    ['a rejection with null', () => Promise.reject(null)],
    ['a subject that turns into no text', () => claims('{"sub":{"toString":1}}')],
  ]
  test.each(broken)('%s is token_source, backs off, and is over when a token comes', async (_, token) => {
    let isBroken = true
    let asked = 0
    const source = () => {
      asked++
      return isBroken ? token() : tokenFor('user_1')
    }
    const { orq, posts } = world.load({ token: source as NonNullable<ClientOptions['token']> })
    const outcome = look(orq.identify(user))
    await world.clock.advance(12_000)
    expect(outcome()).toBe('pending: token_source')
    expect(lines).toHaveLength(1)
    expect(asked).toBeLessThan(12)
    isBroken = false
    await world.clock.advance(120_000)
    expect([posts.length, storedContacts(world)]).toEqual([1, []])
  })

  test.each([
    'null',
    '5',
    '[]',
    '{',
    '',
    '{"exp":"soon"}',
    '{"exp":1e300,"iat":-1e300}',
    '{"exp":1,"iat":5}',
    '{"exp":null,"iat":[]}',
    '{"exp":{},"iat":{}}',
    '{"exp":5,"iat":5}',
  ])('a token with the claims %s is used, once', async (payload) => {
    const { orq, posts } = world.load({ token: () => claims(payload) })
    const outcome = look(orq.identify(user))
    await world.clock.advance(12_000)
    expect([outcome(), posts.length]).toEqual(['delivered', 1])
  })

  test.each([
    '{"sub":null}',
    '{"sub":""}',
    '{"sub":[]}',
    '{"sub":{}}',
    '{"sub":false}',
    '{"sub":0}',
    '{"sub":["user_2"]}',
  ])('a token with the claims %s is of another person, and makes no loop', async (payload) => {
    let asked = 0
    const { orq, posts } = world.load({
      token: () => {
        asked++
        return claims(payload)
      },
    })
    const outcome = look(orq.identify(user))
    await world.clock.advance(600_000)
    expect([outcome(), posts.length, lines.length]).toEqual(['pending: other_person', 0, 1])
    expect(asked).toBeLessThanOrEqual(2)
  })
})

test.each(['"text"', '"somebody"'])(
  'a token whose claims are the text %s names nobody, and is used',
  async (payload) => {
    const { orq, posts } = world.load({ token: () => claims(payload) })
    const outcome = look(orq.identify(user))
    await world.clock.advance(12_000)
    expect([outcome(), posts.length]).toEqual(['delivered', 1])
  },
)

describe('the chunk', () => {
  test('that never comes is not waited for longer than timeoutMs: the call is delivered without it', async () => {
    const outcome = look(world.load({}, neverChunk).orq.identify(user))
    await world.clock.advance(12_000)
    expect(outcome()).toBe('delivered')
    expect(storedContacts(world)).toEqual([])
  })

  test('that never comes does not keep an invalid call open, or a flush', async () => {
    const { orq } = world.load({}, neverChunk)
    const outcome = look((orq.identify as CallAnything)({ externalId: 'user_1', email: 5 }))
    await world.clock.advance(12_000)
    expect(outcome()).toBe('dropped: invalid')
    let isFlushed = false
    orq.flush().then(() => {
      isFlushed = true
    })
    await world.clock.advance(60_000)
    expect(isFlushed).toBe(true)
  })

  test('that cannot be loaded still lets an invalid call say what is wrong', async () => {
    const { orq } = world.load({}, noChunk)
    const outcome = look((orq.identify as CallAnything)({ externalId: 'user_1', email: 5 }))
    await later(world.clock, 1_000)
    expect(outcome()).toBe('dropped: invalid')
    expect(lines).toEqual([expect.stringContaining('email')])
  })
})

describe('Web Locks', () => {
  const managers: [string, unknown][] = [
    ['that are absent', undefined],
    [
      'that always refuse',
      {
        request: async () => {
          throw new Error('SecurityError')
        },
      },
    ],
    ['whose request gives nothing', { request: () => undefined }],
    [
      'whose request throws',
      {
        request: () => {
          throw new Error('SecurityError')
        },
      },
    ],
    ['without request', {}],
    ['that ignore the signal of who waits', { request: () => new Promise(() => {}) }],
  ]
  test.each(managers)('%s: sent without', async (_, locks) => {
    const browser = createBrowser()
    browser.state.session = 'user_1'
    const { orq } = browser.open()
    Object.defineProperty(navigator, 'locks', { value: locks, configurable: true })
    const outcome = look(orq.identify(user))
    await browser.clock.advance(12_000)
    expect([outcome(), browser.requests.length]).toEqual(['delivered', 1])
  })

  test('held by a frozen tab for ever: sent without', async () => {
    const browser = createBrowser()
    browser.state.session = 'user_1'
    const { orq } = browser.open()
    navigator.locks.request('held', { signal: new AbortController().signal }, () => new Promise(() => {}))
    const outcome = look(orq.identify(user))
    await browser.clock.advance(12_000)
    expect([outcome(), browser.requests.length]).toEqual(['delivered', 1])
  })
})

describe('a console that throws, as a page may have wrapped it', () => {
  beforeEach(() => {
    for (const level of ['warn', 'error'] as const)
      vi.spyOn(console, level).mockImplementation(() => {
        throw new Error('wrapped')
      })
  })

  test.each<[string, unknown[]]>([
    ['no argument', []],
    ['an id that is a number', [5]],
    ['an unknown field', [{ ...user, company: 'acme' }]],
    [
      'a getter that throws',
      [
        {
          get externalId() {
            throw new Error('mine')
          },
        },
      ],
    ],
  ])('never makes identify reject: %s', async (_, call) => {
    const { orq } = world.load()
    const outcome = look((orq.identify as CallAnything)(...call))
    await world.clock.advance(12_000)
    expect(outcome()).not.toMatch(/open|rejected$/)
  })

  test('does not end the sending', async () => {
    world.replies = [() => new Response('<html>', { status: 404 })]
    const { orq } = world.load()
    const first = look(orq.identify(user))
    await world.clock.advance(12_000)
    const second = look(orq.identify({ ...user, tags: ['x'] }))
    await world.clock.advance(12_000)
    expect([first(), second()]).toEqual(['pending: unreachable', 'delivered'])
  })
})

describe('without a page', () => {
  test('a client without init does not keep a decision of each of many people', async () => {
    const orq = createOrq()
    for (let n = 0; n < 2_000; n++) await orq.identify({ externalId: `person_${n}` })
    expect(orq.explain().length).toBeLessThanOrEqual(500)
  })

  test('a client without init drops every call at once, and keeps none', async () => {
    const orq = createOrq()
    const calls = Array.from({ length: 1_000 }, () => look(orq.identify(user)))
    await world.clock.advance(0)
    expect(new Set(calls.map((outcome) => outcome()))).toEqual(new Set(['dropped: no_page']))
    await orq.flush()
    orq.reset()
    orq.close()
  })

  test('a relative proxyUrl drops every call, with one line', async () => {
    const orq = createOrq({ proxyUrl: '/orq' })
    const calls = Array.from({ length: 10 }, () => look(orq.identify(user)))
    await world.clock.advance(0)
    expect(new Set(calls.map((outcome) => outcome()))).toEqual(new Set(['dropped: no_page']))
    expect(lines).toEqual([expect.stringContaining('absolute proxyUrl')])
  })

  test.each([undefined, null, '', {}, { externalId: 5n }])('an invalid call is dropped: %o', async (call) => {
    const outcome = look((createOrq().identify as CallAnything)(call))
    await world.clock.advance(0)
    expect(outcome()).toBe('dropped: invalid')
  })
})

describe('options that cannot work throw at init, and name themselves', () => {
  test.each([
    ['proxyUrl', ''],
    ['proxyUrl', 5],
    ['proxyUrl', 'http://'],
    ['tokenUrl', ''],
    ['tokenUrl', {}],
    ['storage', {}],
    ['storage', { set: () => {} }],
    ['storage', { get: 'text', set: () => {} }],
    ['storage', 'local'],
    ['clock', { now: () => 0 }],
    ['fetch', 'fetch'],
    ['token', 5],
    ['token', { token: 'abc' }],
    ['beforeSend', true],
  ])('%s: %o', (name, value) => {
    expect(() => createOrq({ proxyUrl: 'https://app.example/orq', [name]: value })).toThrow(name)
  })
})

describe('on a page whose init has not worked', () => {
  beforeEach(() => {
    vi.stubGlobal('location', new URL('https://app.example/'))
    vi.useFakeTimers()
  })

  test('a loop of calls sets no more timers than one call', () => {
    const orq = createOrq()
    for (let n = 0; n < 1_000; n++) orq.identify(user)
    expect(vi.getTimerCount()).toBe(1)
  })

  test.each<[string, ClientOptions | undefined]>([
    ['or was never called', undefined],
    ['because of an empty proxyUrl', { proxyUrl: '' }],
    ['because of an empty tokenUrl', { tokenUrl: '' }],
    ['because of a storage without get', { storage: {} as NonNullable<ClientOptions['storage']> }],
  ])(
    '%s, every call settles at the deadline, one line says what to call, and a later init sends',
    async (_, options) => {
      const orq = createOrq()
      if (options) expect(() => orq.init(options)).toThrow(RangeError)
      const calls = Array.from({ length: 10 }, () => look(orq.identify(user)))
      await vi.advanceTimersByTimeAsync(12_000)
      expect(new Set(calls.map((outcome) => outcome()))).toEqual(new Set(['pending: timeout']))
      expect(lines).toEqual([expect.stringContaining('orq.init')])
      const posted: unknown[] = []
      orq.init({
        token: tokenFor('user_1'),
        storage: world.storage,
        fetch: async (input, init) => {
          posted.push(await new Request(input, init).json())
          return new Response('{"status":"delivered"}')
        },
      })
      await vi.advanceTimersByTimeAsync(5_000)
      vi.useRealTimers()
      expect(posted).toEqual([{ external_id: 'user_1', email: 'jane@example.com' }])
    },
  )
})
