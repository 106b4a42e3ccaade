import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as moduleNamespace from '../../src/core/hash.ts'
import type { ClientOptions, Contact } from '../../src/index.ts'
import { createWorld, type World } from './harness.ts'
import { type CallAnything, hearConsole, look } from './look.ts'

let world: World
let lines: string[]
beforeEach(() => {
  world = createWorld()
  lines = hearConsole()
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** Calls as a page without types may. @returns the outcome, and what was sent */
const play = async (...call: unknown[]): Promise<[outcome: string, body: Record<string, unknown> | undefined]> => {
  // Opaque, so that it speaks for whoever is identified.
  const { orq, posts } = world.load({ token: 'opaque' })
  const outcome = look((orq.identify as CallAnything)(...call))
  await world.clock.advance(5_000)
  return [outcome(), posts[0]?.body]
}

describe('an id that is a number', () => {
  test.each([
    [0, '0'],
    [-0, '0'],
    [7, '7'],
    [0x1f, '31'],
    [1e15, '1000000000000000'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  ])('%d is sent as its text, in both styles, with one warning', async (id, text) => {
    expect(await play({ externalId: id })).toEqual(['delivered', { external_id: text }])
    world = createWorld()
    expect(await play(id, { plan: 'pro' })).toEqual(['delivered', { external_id: text, metadata: { plan: 'pro' } }])
    expect(new Set(lines).size).toBe(1)
  })

  test.each([
    '1234567890123456789',
    '9007199254740992',
    '9007199254740993',
    '1e16',
    '1e21',
    '1e999',
    '-1e999',
    '-1',
    '-9007199254740991',
    '0.5',
    '1e-7',
    '5e-324',
    'NaN',
  ])('%s is invalid, in both styles: its neighbour may be another person', async (digits) => {
    const id = Number(digits)
    expect(await play({ externalId: id, email: 'jane@example.com' })).toEqual(['dropped: invalid', undefined])
    expect(await play({ external_id: id })).toEqual(['dropped: invalid', undefined])
    expect(await play(id, { plan: 'pro' })).toEqual(['dropped: invalid', undefined])
    expect(lines.join()).toContain('externalId')
  })

  test('and its text are the same contact', async () => {
    const { orq, posts } = world.load({ token: 'opaque' })
    orq.identify(42)
    await world.clock.advance(5_000)
    const again = look(orq.identify('42'))
    await world.clock.advance(5_000)
    expect([again(), posts.length]).toEqual(['duplicate', 1])
  })
})

test.each<[string, unknown]>([
  ['a BigInt', 5n],
  ['a boolean', true],
  ['a symbol', Symbol('user_1')],
  ['a boxed number', Object(5)],
  ['a boxed text', Object('user_1')],
  ['a list', ['user_1']],
  ['an object that turns into a text', { toString: () => 'user_1' }],
  ['a function', () => 'user_1'],
  ['a promise', Promise.resolve('user_1')],
  ['a Map', new Map([['id', 'user_1']])],
])('an id that is %s is invalid, in both styles', async (_, id) => {
  expect(await play({ externalId: id })).toEqual(['dropped: invalid', undefined])
  expect(await play(id, { plan: 'pro' })).toEqual(['dropped: invalid', undefined])
  expect(world.posts).toEqual([])
})

describe('plain JSON passes, whatever its prototype', () => {
  class Plan {
    name = 'pro'
    #secret = 1
    get secret(): number {
      return this.#secret
    }
  }
  const cases: [string, object, unknown][] = [
    ['named groups of a match', /(?<plan>\w+)/.exec('pro')?.groups ?? {}, { plan: 'pro' }],
    [
      'Object.groupBy',
      runInNewContext(`Object.groupBy([1, 2, 3], (n) => (n % 2 ? 'odd' : 'even'))`),
      { even: [2], odd: [1, 3] },
    ],
    ['no prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['no prototype inside', { a: [Object.assign(Object.create(null), { b: 1 })] }, { a: [{ b: 1 }] }],
    ['an instance of a class', new Plan(), { name: 'pro' }],
    ['a prototype of data', Object.create({ inherited: 1 }, { own: { value: 1, enumerable: true } }), { own: 1 }],
    [
      'another realm',
      runInNewContext('({ list: [1, { at: new Date(0) }] })'),
      { list: [1, { at: '1970-01-01T00:00:00.000Z' }] },
    ],
    ['a Proxy', new Proxy({ a: [1] }, {}), { a: [1] }],
    ['a subclass of Array', { list: new (class List extends Array<number> {})(1, 2) }, { list: [1, 2] }],
    ['a frozen object', Object.freeze({ a: Object.freeze([1]) }), { a: [1] }],
    ['a Date', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
    ['a URL', { at: new URL('https://a.example/') }, { at: 'https://a.example/' }],
    ['toJSON', { at: { toJSON: () => ({ list: [1] }) } }, { at: { list: [1] } }],
    ['a key toJSON that is no function', { at: { toJSON: 'text' } }, { at: { toJSON: 'text' } }],
    ['the same object twice', ((shared) => ({ a: shared, b: shared }))({ c: 1 }), { a: { c: 1 }, b: { c: 1 } }],
    ['a negative zero', { n: -0 }, { n: 0 }],
  ]
  test.each(cases)('%s', async (_, metadata, sent) => {
    expect(await play({ externalId: 'user_1', metadata })).toEqual([
      'delivered',
      { external_id: 'user_1', metadata: sent },
    ])
    world = createWorld()
    expect((await play('user_1', { given: metadata }))[1]?.metadata).toEqual({ given: sent })
  })
})

describe('what JSON cannot hold is invalid, its key is named, and nothing of it is sent', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const cases: [string, unknown][] = [
    ['a Map', new Map([['a', 1]])],
    ['a Set', new Set(['a'])],
    ['a WeakMap', new WeakMap()],
    ['a Date without a time', new Date(Number.NaN)],
    ['a typed array', new Uint8Array([1, 2])],
    ['bytes', new ArrayBuffer(2)],
    ['a view of bytes', new DataView(new ArrayBuffer(2))],
    ['a regular expression', /x/],
    ['an error', new Error('x')],
    ['a promise', Promise.resolve(1)],
    ['a symbol', Symbol('x')],
    ['a function', () => 1],
    ['a class', class Plan {}],
    ['a BigInt', 1n],
    ['a boxed text', Object('x')],
    ['a boxed number', Object(5)],
    ['a boxed false', Object(false)],
    ['a boxed BigInt', Object(5n)],
    ['NaN', Number.NaN],
    ['minus infinity', Number.NEGATIVE_INFINITY],
    ['a number that loses digits', 2 ** 53],
    ['a list with a hole', Object.assign([1], { length: 3 })],
    ['a list with undefined', [undefined]],
    ['a long empty list', new Array(4_000_000_000)],
    ['an iterator', [1].values()],
    ['a generator', (function* () {})()],
    ['URLSearchParams', new URLSearchParams('a=1')],
    ['Headers', new Headers({ a: '1' })],
    ['FormData', new FormData()],
    ['a Blob', new Blob(['x'])],
    ['an event', new Event('x')],
    ['a weak reference', new WeakRef({})],
    ['the global object', globalThis],
    ['a module', moduleNamespace],
    ['a Map of another realm', runInNewContext('new Map([[1, 2]])')],
    ['a Proxy of a Map', new Proxy(new Map([[1, 2]]), {})],
    ['a revoked Proxy', revoked.proxy],
    ['toJSON that gives undefined', { toJSON: () => undefined }],
    ['toJSON that gives a function', { toJSON: () => () => 1 }],
    ['toJSON that gives a Map', { toJSON: () => new Map() }],
    ['a cycle', cyclic],
  ]
  const isWithoutKey = (what: string): boolean => /revoked/.test(what)
  test.each(cases)('%s', async (what, value) => {
    expect(await play({ externalId: 'user_1', metadata: { inner: value } })).toEqual(['dropped: invalid', undefined])
    if (!isWithoutKey(what)) expect(lines).toEqual([expect.stringContaining('metadata.inner')])
    expect(await play('user_1', { inner: [value] })).toEqual(['dropped: invalid', undefined])
    expect(await play({ externalId: 'user_1', metadata: [value] })).toEqual(['dropped: invalid', undefined])
    expect(await play({ externalId: 'user_1', tags: value })).toEqual(['dropped: invalid', undefined])
    expect(await play({ externalId: 'user_1', displayName: value })).toEqual(['dropped: invalid', undefined])
    expect(world.storage.values.size).toBe(0)
  })

  const throwing: [string, object][] = [
    [
      'a getter',
      {
        get inner() {
          throw new Error('mine')
        },
      },
    ],
    [
      'toJSON',
      {
        inner: {
          toJSON: () => {
            throw new Error('mine')
          },
        },
      },
    ],
    [
      'toJSON that gives itself',
      {
        inner: {
          toJSON() {
            return this
          },
        },
      },
    ],
    [
      'a getter that throws nothing',
      {
        get inner() {
          throw undefined
        },
      },
    ],
    [
      'a Proxy without keys',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('mine')
          },
        },
      ),
    ],
    [
      'a Proxy without values',
      new Proxy(
        { inner: 1 },
        {
          get: () => {
            throw new Error('mine')
          },
        },
      ),
    ],
    ['a Proxy of a Date', { inner: new Proxy(new Date(0), {}) }],
  ]
  test.each(throwing)('%s that throws: one line, and the next call is delivered', async (_, metadata) => {
    expect(await play({ externalId: 'user_1', metadata })).toEqual(['dropped: invalid', undefined])
    expect(lines).toHaveLength(1)
    expect((await play({ externalId: 'user_1', tags: ['x'] }))[0]).toBe('delivered')
  })

  const naming: [string, object][] = [
    [
      'a getter',
      {
        get inner() {
          throw new Error('mine')
        },
      },
    ],
    [
      'toJSON',
      {
        inner: {
          toJSON: () => {
            throw new Error('mine')
          },
        },
      },
    ],
    ['a Proxy of a Date', { inner: new Proxy(new Date(0), {}) }],
    [
      'a getter, with a list of symbols',
      {
        get inner() {
          throw [Symbol('mine')]
        },
      },
    ],
    [
      'a getter, with a list of secrets',
      {
        get inner() {
          throw ['secret']
        },
      },
    ],
  ]
  test.each(naming)('%s that throws is named by its key', async (_, metadata) => {
    await play({ externalId: 'user_1', metadata })
    expect(lines).toEqual([expect.stringContaining('metadata.inner')])
    expect(lines.join()).not.toContain('secret')
  })

  const likeJson: [string, object, unknown][] = [
    ['a function', { a: 1 }, { a: 1, f: () => 1 }],
    ['NaN', { a: null }, { a: Number.NaN }],
    ['a Map', {}, new Map([['a', 1]])],
    ['a Set inside', { a: {} }, { a: new Set([1]) }],
    ['a Date without a time', { a: null }, { a: new Date(Number.NaN) }],
    ['a list with a hole', { a: [null] }, { a: Object.assign([], { length: 1 }) }],
    ['a boxed number', { a: 5 }, { a: Object(5) }],
    ['a regular expression', { a: {} }, { a: /x/ }],
  ]
  test.each(likeJson)('%s behind a valid call that looks the same as JSON', async (_, valid, invalid) => {
    const { orq } = world.load()
    orq.identify({ externalId: 'user_1', metadata: valid })
    const outcome = look((orq.identify as CallAnything)({ externalId: 'user_1', metadata: invalid }))
    await world.clock.advance(5_000)
    expect(outcome()).toBe('dropped: invalid')
  })

  test('a tangle of shared objects costs no more than a body can hold', async () => {
    let reads = 0
    let tangle: object = {}
    for (let depth = 0; depth < 18; depth++) {
      const below = tangle
      tangle = {
        get a() {
          reads++
          return below
        },
        get b() {
          reads++
          return below
        },
      }
    }
    expect((await play({ externalId: 'user_1', metadata: tangle }))[0]).toBe('dropped: invalid')
    expect(reads).toBeLessThan(100_000)
  })

  const noTraits: [string, unknown][] = [
    ['a text', 'vip'],
    ['a boxed text', Object('vip')],
    ['a list', ['vip']],
    ['a Map', new Map([['plan', 'pro']])],
    ['a Set', new Set(['vip'])],
    ['a Date', new Date(0)],
    ['a typed array', new Uint8Array([1, 2])],
    ['URLSearchParams', new URLSearchParams('plan=pro')],
    ['a promise', Promise.resolve({ plan: 'pro' })],
    ['a function', () => ({ plan: 'pro' })],
    ['true', true],
    ['a number', 5],
    ['a BigInt', 5n],
  ]
  test.each(noTraits)('traits that are %s', async (_, traits) => {
    expect(await play('user_1', traits)).toEqual(['dropped: invalid', undefined])
  })

  test.each([...noTraits.slice(1), ['an empty text', ''], ['zero', 0], ['false', false], ['NaN', Number.NaN]] as const)(
    'traits: a metadata that is %s, beside others',
    async (_, metadata) => {
      expect(await play('user_1', { plan: 'pro', metadata })).toEqual(['dropped: invalid', undefined])
    },
  )

  test('traits: a key that reaches a prototype', async () => {
    const traits = JSON.parse('{"plan":"pro","__proto__":{"role":"admin"}}')
    expect(await play('user_1', traits)).toEqual(['dropped: invalid', undefined])
  })

  const fromBeforeSend: [string, (contact: Contact) => unknown][] = [
    ['a body of 40 kB', (contact) => ({ ...contact, metadata: { text: 'x'.repeat(40_000) } })],
    ['nobody', (contact) => ({ ...contact, external_id: 'undefined' })],
    ['an id of blanks', (contact) => ({ ...contact, external_id: '  ' })],
  ]
  test.each(fromBeforeSend)('from beforeSend: %s', async (_, beforeSend) => {
    const options = { token: 'opaque', beforeSend: beforeSend as NonNullable<ClientOptions['beforeSend']> }
    const { orq, posts } = world.load(options)
    const outcome = look(orq.identify({ externalId: 'user_1' }))
    await world.clock.advance(5_000)
    expect([outcome(), posts]).toEqual(['dropped: before_send', []])
  })

  test('traits: a metadata that is a text, alone or beside others', async () => {
    expect((await play('user_1', { metadata: 'vip' }))[0]).toBe('dropped: invalid')
    expect((await play('user_1', { plan: 'pro', metadata: 'vip' }))[0]).toBe('dropped: invalid')
    expect((await play('user_1', { plan: 'pro', metadata: 5 }))[0]).toBe('dropped: invalid')
  })
})
