import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Outcome } from '../../src/index.ts'
import { createOrq, createWorld, delivered, refused, reply, tokenFor, type World } from './harness.ts'

const user = { externalId: 'user_1', email: 'jane@example.com', metadata: { plan: 'pro', seats: { a: 1, b: 2 } } }
const day = 86_400_000
let world: World
let errors: string[]
let warnings: string[]

beforeEach(() => {
  world = createWorld()
  errors = []
  warnings = []
  vi.spyOn(console, 'error').mockImplementation((text) => void errors.push(String(text)))
  vi.spyOn(console, 'warn').mockImplementation((text) => void warnings.push(String(text)))
})
afterEach(() => vi.restoreAllMocks())

/** Calls, lets half a minute pass, and gives the outcome. */
const outcomeOf = async (call: Promise<Outcome>, ms = 30_000): Promise<string> => {
  let outcome: Outcome | undefined
  call.then((value) => {
    outcome = value
  })
  await world.clock.advance(ms)
  return outcome ? [outcome.status, outcome.reason].filter(Boolean).join(': ') : 'open'
}

describe('one call', () => {
  test('posts the contact in the names of the wire, once', async () => {
    const { orq } = world.load()
    expect(await outcomeOf(orq.identify(user))).toBe('delivered')
    expect(world.posts).toHaveLength(1)
    expect(world.posts[0]?.body).toEqual({
      external_id: 'user_1',
      email: 'jane@example.com',
      metadata: { plan: 'pro', seats: { a: 1, b: 2 } },
    })
    expect(world.posts[0]?.client).toMatch(/^[\w-]{16,64}$/)
    expect(world.posts[0]?.token).toBe(`Bearer ${tokenFor('user_1')}`)
  })

  test('with an id alone sends exactly the id', async () => {
    const { orq } = world.load()
    await outcomeOf(orq.identify({ external_id: 'user_1' }))
    expect(world.posts[0]?.body).toEqual({ external_id: 'user_1' })
  })

  test('in analytics style maps name and avatar and joins every other trait into metadata', async () => {
    const { orq } = world.load()
    const traits = {
      name: 'Jane',
      avatar: 'https://a.example/j.png',
      email: 'jane@example.com',
      plan: 'pro',
      tags: ['x'],
    }
    await outcomeOf(orq.identify('user_1', traits))
    expect(world.posts[0]?.body).toEqual({
      external_id: 'user_1',
      display_name: 'Jane',
      avatar_url: 'https://a.example/j.png',
      email: 'jane@example.com',
      tags: ['x'],
      metadata: { plan: 'pro' },
    })
  })

  test('takes the values at the time of the call', async () => {
    const { orq } = world.load()
    const metadata = { plan: 'pro' }
    const call = orq.identify({ externalId: 'user_1', metadata })
    metadata.plan = 'changed later'
    await outcomeOf(call)
    expect(world.posts[0]?.body.metadata).toEqual({ plan: 'pro' })
  })

  test('omits undefined and sends null, [] and {}', async () => {
    const { orq } = world.load()
    await outcomeOf(orq.identify({ externalId: 'user_1', email: undefined, displayName: null, tags: [], metadata: {} }))
    expect(world.posts[0]?.body).toEqual({ external_id: 'user_1', display_name: null, tags: [], metadata: {} })
  })

  test('before init is kept and sent after it', async () => {
    vi.stubGlobal('location', new URL('https://app.example/'))
    onTestFinished(() => void vi.unstubAllGlobals())
    const orq = createOrq()
    const call = orq.identify(user)
    expect(await outcomeOf(call, 1000)).toBe('open')
    orq.init({
      proxyUrl: 'https://app.example/orq',
      token: tokenFor('user_1'),
      storage: world.storage,
      clock: world.clock,
      fetch: async () => delivered(),
    })
    expect(await outcomeOf(call)).toBe('delivered')
  })

  test('a number as id is taken as a string, with one warning', async () => {
    world.person = '42'
    const { orq } = world.load()
    orq.identify(42)
    await outcomeOf(orq.identify(42, { plan: 'x' }))
    expect(world.posts[0]?.body.external_id).toBe('42')
    expect(warnings).toHaveLength(1)
  })

  test('an unknown field is ignored with one warning', async () => {
    const { orq } = world.load()
    const call = { ...user, company: 'secret' } as typeof user
    orq.identify(call)
    await outcomeOf(orq.identify(call))
    expect(world.posts[0]?.body).not.toHaveProperty('company')
    expect(warnings).toHaveLength(1)
    expect(warnings.join()).not.toContain('secret')
  })
})

describe('an invalid call', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const throwing = {
    get externalId() {
      throw new Error('boom')
    },
  }
  const cases: [string, unknown[]][] = [
    ['no argument', []],
    ['undefined', [undefined]],
    ['null', [null]],
    ['an empty id', [{ externalId: '' }]],
    ['a blank id', [{ externalId: '   ' }]],
    ['false', [{ externalId: false }]],
    ['the text undefined', ['undefined']],
    ['the text null', [{ externalId: 'null' }]],
    ['an id of 121', [{ externalId: 'x'.repeat(121) }]],
    ['an id of 61 emoji', [{ externalId: '😀'.repeat(61) }]],
    ['an id that changes a path', [{ externalId: '..' }]],
    ['an id of the contacts API itself', [{ externalId: 'contact_01H8XGJWBWBAQ4N1N0V3S5T6Y7' }]],
    ['a lone surrogate', [{ externalId: 'a\ud800' }]],
    ['a NUL', [{ externalId: 'user_1', displayName: 'a\0b' }]],
    ['circular metadata', [{ externalId: 'user_1', metadata: cyclic }]],
    ['a BigInt', [{ externalId: 'user_1', metadata: { n: 1n } }]],
    ['NaN', [{ externalId: 'user_1', metadata: { n: Number.NaN } }]],
    [
      'a key that reaches a prototype',
      [{ externalId: 'user_1', metadata: JSON.parse('{"__proto__":{"polluted":1}}') }],
    ],
    ['a bad e-mail', [{ externalId: 'user_1', email: 'secret-value' }]],
    ['a javascript: avatar', [{ externalId: 'user_1', avatarUrl: 'javascript:alert(1)' }]],
    ['too many tags', [{ externalId: 'user_1', tags: Array.from({ length: 51 }, String) }]],
    ['a body over 32 000 bytes', [{ externalId: 'user_1', metadata: { text: 'é'.repeat(16_000) } }]],
    ['a getter that throws', [throwing]],
    [
      'a proxy that throws',
      [
        new Proxy(
          {},
          {
            ownKeys: () => {
              throw new Error('boom')
            },
          },
        ),
      ],
    ],
  ]
  test.each(cases)('%s: dropped, nothing stored or sent, one readable error', async (_, args) => {
    const { orq } = world.load()
    const identify = orq.identify as (...args: unknown[]) => Promise<Outcome>
    expect(await outcomeOf(identify(...args))).toBe('dropped: invalid')
    expect(world.posts).toHaveLength(0)
    expect([...world.storage.values.values()].join()).not.toContain('user_1')
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(/^orq: /)
    expect(errors[0]).not.toContain('secret-value')
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })

  test('does not keep the next one from being sent', async () => {
    const { orq } = world.load()
    orq.identify('')
    expect(await outcomeOf(orq.identify(user))).toBe('delivered')
  })

  test('an id of 120 UTF-16 units is sent whole', async () => {
    const id = '😀'.repeat(60)
    world.person = id
    const { orq } = world.load()
    await outcomeOf(orq.identify({ externalId: id }))
    expect(world.posts[0]?.body.external_id).toBe(id)
  })
})

describe('joining', () => {
  test('ten calls in a row are one request, and share its outcome', async () => {
    const { orq } = world.load()
    const calls = Array.from({ length: 10 }, (_, n) => orq.identify({ ...user, displayName: `Jane ${n}` }))
    expect(await outcomeOf(calls[0]!)).toBe('delivered')
    expect(await Promise.all(calls)).toEqual(calls.map(() => ({ status: 'delivered' })))
    expect(world.posts.map(({ body }) => body.display_name)).toEqual(['Jane 9'])
  })

  test('keeps the later value of each field', async () => {
    const { orq } = world.load()
    orq.identify({ externalId: 'user_1', email: 'a@example.com', tags: ['a'] })
    await outcomeOf(orq.identify({ externalId: 'user_1', email: 'b@example.com' }))
    expect(world.posts.map(({ body }) => body)).toEqual([
      { external_id: 'user_1', email: 'b@example.com', tags: ['a'] },
    ])
  })

  test('continuous calls are sent after maxWaitMs', async () => {
    const { orq } = world.load()
    for (let n = 0; n < 30; n++) {
      orq.identify({ externalId: 'user_1', metadata: { n } })
      await world.clock.advance(100)
    }
    expect(world.posts).toHaveLength(1)
  })

  test('a call while one is on the wire makes exactly one follow-up with the newest values', async () => {
    const { orq } = world.load()
    let answer = (_: Response): void => {}
    world.replies = [
      () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    ]
    orq.identify({ externalId: 'user_1', email: 'a@example.com' })
    await world.clock.advance(500)
    orq.identify({ externalId: 'user_1', email: 'b@example.com' })
    orq.identify({ externalId: 'user_1', email: 'c@example.com' })
    await world.clock.advance(500)
    expect(world.posts).toHaveLength(1)
    answer(delivered())
    await world.clock.advance(500)
    expect(world.posts.map(({ body }) => body.email)).toEqual(['a@example.com', 'c@example.com'])
  })

  test('the same call while it is on the wire shares its request', async () => {
    const { orq } = world.load()
    let answer = (_: Response): void => {}
    world.replies = [
      () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    ]
    orq.identify(user)
    await world.clock.advance(500)
    const second = orq.identify(user)
    await world.clock.advance(500)
    answer(delivered())
    expect(await outcomeOf(second)).toBe('delivered')
    expect(world.posts).toHaveLength(1)
  })

  test('joined calls that are too large together go one after the other', async () => {
    const { orq } = world.load()
    orq.identify({ externalId: 'user_1', metadata: { text: 'x'.repeat(31_000) } })
    const second = orq.identify({
      externalId: 'user_1',
      tags: Array.from({ length: 50 }, (_, n) => `${n}`.padEnd(64, 'y')),
    })
    expect(await outcomeOf(second)).toBe('delivered')
    expect(world.posts.map(({ body }) => Object.keys(body))).toEqual([
      ['external_id', 'metadata'],
      ['external_id', 'tags'],
    ])
  })
})

describe('duplicates', () => {
  const again = { metadata: { seats: { b: 2, a: 1 }, plan: 'pro' }, email: 'jane@example.com', external_id: 'user_1' }

  test('the same values after the acknowledgement are not sent, in whatever order of keys', async () => {
    const { orq } = world.load()
    await outcomeOf(orq.identify(user))
    expect(await outcomeOf(orq.identify(user))).toBe('duplicate')
    expect(await outcomeOf(orq.identify(again))).toBe('duplicate')
    expect(await outcomeOf(orq.identify(again))).toBe('duplicate')
    expect(world.posts).toHaveLength(1)
  })

  test('after a reload there is no request, no token and no chunk for the same person', async () => {
    await outcomeOf(world.load().orq.identify(user))
    const asked = world.tokenCalls
    expect(await outcomeOf(world.load().orq.identify(again))).toBe('duplicate')
    expect(world.posts).toHaveLength(1)
    expect(world.tokenCalls).toBe(asked)
  })

  test('one changed field is one request', async () => {
    await outcomeOf(world.load().orq.identify(user))
    expect(await outcomeOf(world.load().orq.identify({ ...user, email: 'new@example.com' }))).toBe('delivered')
    expect(world.posts).toHaveLength(2)
  })

  test('alternating partial calls are duplicates too', async () => {
    const { orq } = world.load()
    await outcomeOf(orq.identify({ externalId: 'user_1', email: 'a@example.com' }))
    await outcomeOf(orq.identify({ externalId: 'user_1', tags: ['a'] }))
    expect(await outcomeOf(orq.identify({ externalId: 'user_1', email: 'a@example.com' }))).toBe('duplicate')
    expect(await outcomeOf(orq.identify({ externalId: 'user_1', tags: ['a'] }))).toBe('duplicate')
  })

  test('A acknowledged, B on the wire, A again ends at A', async () => {
    const { orq } = world.load()
    const call = (email: string) => orq.identify({ externalId: 'user_1', email })
    await outcomeOf(call('a@example.com'))
    world.replies = [() => 'hang']
    call('b@example.com')
    await world.clock.advance(500)
    const last = call('a@example.com')
    expect(await outcomeOf(last)).toBe('delivered')
    expect(world.posts.at(-1)?.body.email).toBe('a@example.com')
  })

  test('A acknowledged, and the page dies while B is on the wire: A goes again from the next page', async () => {
    const { orq } = world.load()
    await outcomeOf(orq.identify(user))
    world.replies = ['hang', 'hang'].map((answer) => () => answer as 'hang')
    orq.identify({ ...user, email: 'other@example.com' })
    await world.clock.advance(1_000)
    expect(world.posts).toHaveLength(2)
    world.replies = []
    world.load().orq.identify(user)
    await world.clock.advance(30_000)
    expect(world.posts.at(-1)?.body.email).toBe(user.email)
  })

  test('a repeated call reads one stored text, and does nothing else', async () => {
    const { orq } = world.load()
    await outcomeOf(orq.identify(user))
    orq.identify(user)
    const { get, set } = world.storage
    const touched: string[] = []
    world.storage.get = (key) => {
      touched.push('get')
      return get(key)
    }
    world.storage.set = (key, value) => {
      touched.push('set')
      set(key, value)
    }
    for (let n = 0; n < 10; n++) orq.identify(structuredClone(user))
    expect(touched).toEqual(Array(10).fill('get'))
  })

  test('an acknowledgement older than dedupeTtlMs counts no more, and the call is forced', async () => {
    const { orq } = world.load()
    await outcomeOf(orq.identify(user))
    await world.clock.advance(day)
    expect(await outcomeOf(orq.identify(user))).toBe('delivered')
    expect(world.posts.map(({ force }) => force)).toEqual([false, true])
  })

  test('a clock set back makes an acknowledgement expire, and numbers still rise', async () => {
    const { orq } = world.load()
    await outcomeOf(orq.identify(user))
    world.clock.set(world.clock.now() - 2 * day)
    expect(await outcomeOf(orq.identify(user))).toBe('delivered')
    expect(world.posts[1]!.number).toBeGreaterThan(world.posts[0]!.number)
  })

  test('force sends what is known', async () => {
    const { orq } = world.load()
    await outcomeOf(orq.identify(user))
    expect(await outcomeOf(orq.identify(user, { force: true }))).toBe('delivered')
    expect(world.posts[1]?.force).toBe(true)
  })

  test('storage cleared by the page makes the next call send', async () => {
    const { orq } = world.load()
    await outcomeOf(orq.identify(user))
    world.storage.values.clear()
    expect(await outcomeOf(orq.identify(user))).toBe('delivered')
  })

  test.each([
    '{',
    '[]',
    '"x"',
    '{"v":2}',
    '{"v":1,"c":5}',
    '{"v":1,"c":[[1,2],{}]}',
    'null',
    `{"v":1,"c":[["a",{"b":[1]}]]}`,
  ])('a stored value %s is ignored and replaced', async (value) => {
    await outcomeOf(world.load().orq.identify(user))
    for (const key of world.storage.values.keys()) world.storage.values.set(key, value)
    expect(await outcomeOf(world.load().orq.identify(user))).toBe('delivered')
    expect(await outcomeOf(world.load().orq.identify(user))).toBe('duplicate')
  })

  test('nothing personal stays in storage after the acknowledgement', async () => {
    await outcomeOf(world.load().orq.identify({ ...user, displayName: 'Jane Doe' }))
    const stored = [...world.storage.values].join()
    for (const value of ['user_1', 'jane', 'Jane', 'pro', 'sig']) expect(stored).not.toContain(value)
  })

  test('two proxies on one origin share nothing', async () => {
    await outcomeOf(world.load().orq.identify(user))
    await outcomeOf(world.load({ proxyUrl: 'https://app.example/other' }).orq.identify(user))
    expect(world.posts).toHaveLength(2)
  })
})

describe('an answer that does not acknowledge', () => {
  const foreign: [string, () => Response | Error][] = [
    ['an HTML page with 200', () => reply(200, '<!doctype html><title>Sign in</title>')],
    ['an empty 204', () => new Response(null, { status: 204 })],
    ['JSON of somebody else', () => reply(200, { status: 'ok' })],
    ['a 403 without our code', () => reply(403, { error: 'blocked' })],
    ['our code under another status', () => reply(200, { code: 'internal' })],
    ['a 404 of an ingress', () => reply(404, 'default backend - 404')],
    ['our 404', () => refused(404, 'not_found')],
    ['a forbidden origin', () => refused(403, 'origin_forbidden')],
  ]
  test.each(foreign)('%s is pending: unreachable, kept, one error that names proxyUrl', async (_, answer) => {
    const { orq } = world.load()
    world.replies = [answer]
    expect(await outcomeOf(orq.identify(user))).toBe('pending: unreachable')
    expect(world.posts).toHaveLength(1)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(/proxyUrl|allowedOrigins/)
    const { orq: next } = world.load()
    expect(await outcomeOf(next.identify(user))).toBe('delivered')
  })

  test.each(['bad_request:400', 'token_revoked:403', 'too_large:413', 'unsupported_media_type:415'])(
    '%s drops the call for good',
    async (text) => {
      const [code, status] = text.split(':') as [string, string]
      const { orq } = world.load()
      world.replies = [() => refused(Number(status), code)]
      expect(await outcomeOf(orq.identify(user))).toBe('dropped: rejected')
      expect(world.posts).toHaveLength(1)
      expect([...world.storage.values].join()).not.toContain('jane')
    },
  )

  test.each(['invalid_field:422', 'field_forbidden:403'])(
    '%s with a path drops that field, the rest goes again',
    async (text) => {
      const [code, status] = text.split(':') as [string, string]
      const { orq } = world.load()
      world.replies = [() => refused(Number(status), code, { path: 'email' })]
      expect(await outcomeOf(orq.identify(user))).toBe('delivered')
      expect(world.posts.map(({ body }) => Object.keys(body))).toEqual([
        ['external_id', 'email', 'metadata'],
        ['external_id', 'metadata'],
      ])
    },
  )

  test('409 superseded goes again under a higher number', async () => {
    const { orq } = world.load()
    const number = world.clock.now() + 5_000_000
    world.replies = [() => refused(409, 'superseded', { number })]
    expect(await outcomeOf(orq.identify(user))).toBe('delivered')
    expect(world.posts[1]?.number).toBe(number + 1)
  })

  test('409 superseded by another tab, whose answer is on its way, sends the same value no second time', async () => {
    const [first, second] = [world.load(), world.load()]
    let answer = (_: Response): void => {}
    world.replies = [
      () => new Promise<Response>((resolve) => (answer = resolve)),
      ({ number }) => refused(409, 'superseded', { number: number + 1 }),
    ]
    const outcomes = [first, second].map(({ orq }) => orq.identify(user))
    await world.clock.advance(300)
    expect(world.posts).toHaveLength(2)
    answer(delivered())
    await world.clock.advance(1_000)
    expect((await Promise.all(outcomes)).map(({ status }) => status)).toEqual(['delivered', 'duplicate'])
    expect(world.posts).toHaveLength(2)
  })

  test('500 then 200 repeats the same body under the same number', async () => {
    const { orq } = world.load()
    world.replies = [() => refused(500, 'internal')]
    expect(await outcomeOf(orq.identify(user))).toBe('delivered')
    expect(world.posts).toHaveLength(2)
    expect(world.posts[0]?.number).toBe(world.posts[1]?.number)
    const waited = world.posts[1]!.at - world.posts[0]!.at
    expect(waited).toBeGreaterThanOrEqual(400)
    expect(waited).toBeLessThanOrEqual(600)
  })

  test('Retry-After is waited for, over a page load too', async () => {
    const { orq } = world.load()
    world.replies = [() => refused(429, 'rate_limited', {}, { 'retry-after': '60' })]
    expect(await outcomeOf(orq.identify(user), 13_000)).toBe('pending: rate_limited')
    world.load().orq.identify({ ...user, email: 'new@example.com' })
    await world.clock.advance(45_000)
    expect(world.posts).toHaveLength(1)
    await world.clock.advance(5_000)
    expect(world.posts).toHaveLength(2)
    expect(world.posts[1]?.body.email).toBe('new@example.com')
  })

  test.each([
    ['503', () => refused(503, 'upstream_unavailable'), 'pending: server'],
    ['429', () => refused(429, 'rate_limited'), 'pending: rate_limited'],
    ['408', () => refused(408, 'body_timeout'), 'pending: timeout'],
    ['a network failure', () => new TypeError('failed to fetch'), 'pending: unreachable'],
    ['silence', () => 'hang' as const, 'pending: timeout'],
  ])('%s for ever settles within settleMs, with at most one console line', async (_, answer, outcome) => {
    const { orq } = world.load()
    world.replies = Array.from({ length: 100 }, () => answer)
    expect(await outcomeOf(orq.identify(user), 12_000)).toBe(outcome)
    expect(errors.length + warnings.length).toBeLessThanOrEqual(1)
    world.replies = []
    await world.clock.advance(120_000)
    expect(world.posts.at(-1)?.body.email).toBe('jane@example.com')
    expect(await outcomeOf(orq.identify(user))).toBe('duplicate')
  })

  test('a fetch that throws synchronously is a network failure', async () => {
    const { orq } = world.load({
      fetch: () => {
        throw new Error('patched')
      },
    })
    expect(await outcomeOf(orq.identify(user))).toBe('pending: unreachable')
  })
})

describe('tokens', () => {
  test('the token is asked for beside the debounce, once', async () => {
    const { orq } = world.load()
    orq.identify(user)
    orq.identify(user)
    await world.clock.advance(1)
    expect(world.tokenCalls).toBe(1)
    await world.clock.advance(1000)
    expect(world.tokenCalls).toBe(1)
  })

  test('a 401 renews the token once', async () => {
    const { orq } = world.load()
    world.replies = [() => refused(401, 'token_expired')]
    expect(await outcomeOf(orq.identify(user))).toBe('delivered')
    expect(world.tokenCalls).toBe(2)
  })

  test('a second 401 is pending: token_refused, with one error that names secret and keys, and the contact is kept', async () => {
    const { orq } = world.load()
    world.replies = [() => refused(401, 'token_invalid'), () => refused(401, 'token_invalid')]
    expect(await outcomeOf(orq.identify(user))).toBe('pending: token_refused')
    expect(world.posts).toHaveLength(2)
    expect([...errors, ...warnings]).toEqual([expect.stringMatching(/token_invalid.*same secret or keys/)])
    expect(await outcomeOf(world.load().orq.identify(user))).toBe('delivered')
  })

  test('a 401 with a token that is a string is token_refused at once', async () => {
    const { orq } = world.load({ token: tokenFor('user_1') })
    world.replies = [() => refused(401, 'token_invalid')]
    expect(await outcomeOf(orq.identify(user))).toBe('pending: token_refused')
    expect(world.posts).toHaveLength(1)
  })

  test('signed out is quiet, never a loop, and asked again at the next call', async () => {
    world.person = null
    const { orq } = world.load()
    expect(await outcomeOf(orq.identify(user), 600_000)).toBe('pending: no_token')
    expect(world.tokenCalls).toBeLessThanOrEqual(2)
    expect([...errors, ...warnings]).toEqual([])
    world.person = 'user_1'
    expect(await outcomeOf(orq.identify(user))).toBe('delivered')
  })

  test('a token of somebody else never carries the contact', async () => {
    world.person = 'somebody_else'
    const { orq } = world.load()
    expect(await outcomeOf(orq.identify(user))).toBe('pending: other_person')
    expect(world.posts).toHaveLength(0)
    expect(errors).toEqual([expect.stringContaining('another person')])
    world.person = 'user_1'
    expect(await outcomeOf(orq.identify(user))).toBe('delivered')
  })

  test('a source that throws is token_source, with one error that says what to give, and backs off', async () => {
    const { orq } = world.load()
    world.tokens = () => {
      throw new Error('network')
    }
    expect(await outcomeOf(orq.identify(user))).toBe('pending: token_source')
    expect(errors).toEqual([expect.stringContaining('token function failed')])
    world.tokens = () => tokenFor('user_1')
    await world.clock.advance(120_000)
    expect(world.posts).toHaveLength(1)
  })

  test('an expired token is replaced before any attempt', async () => {
    const { orq } = world.load()
    await outcomeOf(orq.identify(user))
    await world.clock.advance(280_000)
    await outcomeOf(orq.identify({ ...user, email: 'b@example.com' }))
    expect(world.tokenCalls).toBe(2)
  })

  test('subjectClaim names another claim', async () => {
    world.tokens = () => tokenFor('internal-7', { uid: 'user_1' })
    const { orq } = world.load({ subjectClaim: 'uid' })
    expect(await outcomeOf(orq.identify(user))).toBe('delivered')
  })
})

describe('the stream of decisions', () => {
  test('tells each step without personal data', async () => {
    const { orq, decisions } = world.load()
    orq.identify(user)
    await outcomeOf(orq.identify({ ...user, email: 'b@example.com' }))
    await outcomeOf(orq.identify(user))
    expect(decisions).toEqual(['joined', 'sent', 'delivered', 'sent', 'delivered'])
    expect(JSON.stringify(orq.explain())).not.toMatch(/user_1|example/)
    expect(orq.explain()).toHaveLength(1)
  })

  test('a listener that throws disturbs nobody', async () => {
    const { orq, decisions } = world.load()
    orq.on('decision', () => {
      throw new Error('listener')
    })
    const stop = orq.on('decision', () => decisions.push('second listener'))
    stop()
    expect(await outcomeOf(orq.identify(user))).toBe('delivered')
    expect(decisions).toEqual(['sent', 'delivered'])
  })

  test('debug prints each decision, and that metadata is replaced', async () => {
    const lines: string[] = []
    vi.spyOn(console, 'info').mockImplementation((...parts) => void lines.push(parts.join(' ')))
    const { orq } = world.load({ debug: true })
    await outcomeOf(orq.identify(user))
    expect(lines.join('\n')).toMatch(
      /^orq: contact \w{16} sent, external_id .*, attempt 1\norq: contact \w{16} delivered$/,
    )
    expect(lines.join('\n')).not.toMatch(/user_1|jane/)
    expect(lines.concat(warnings).join('\n')).toMatch(/metadata/)
  })
})

describe('init', () => {
  test('a second one with the same options is silent, with others one warning', async () => {
    const { orq } = world.load()
    const token = () => tokenFor('user_1')
    const options = { proxyUrl: 'https://app.example/orq', token }
    const other = world.load(options).orq
    other.init({ ...options, token: token })
    orq.init({ proxyUrl: 'https://elsewhere.example' })
    orq.init({ proxyUrl: 'https://elsewhere.example' })
    expect(warnings.length).toBeLessThanOrEqual(2)
  })

  test.each([{ debounceMs: -1 }, { timeoutMs: Number.NaN }, { proxyUrl: 'http://' }])(
    'refuses %o with an error that names the option',
    (options) => {
      expect(() => world.load(options)).toThrow(Object.keys(options)[0])
    },
  )

  test('touches no storage', () => {
    const storage = {
      get: () => {
        throw new Error('read')
      },
      set: () => {
        throw new Error('written')
      },
    }
    expect(() => world.load({ storage })).not.toThrow()
  })
})
