import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLimiter, networkOf } from '../../src/proxy/limits.ts'
import { createProxy, memory } from '../../src/server.ts'
import { fakeClock } from '../clock.ts'
import { createWorld, requestFor, sign, trusting } from './harness.ts'

describe('a limiter', () => {
  test('lets its limit pass at once, then one after the other, and says how long to wait', async () => {
    const clock = fakeClock()
    const limiter = createLimiter({ perMinute: 60, clock })
    for (let i = 0; i < 60; i++) expect(limiter.take('a')).toBeUndefined()
    expect(limiter.take('a')).toBe(1_000)
    expect(limiter.take('b')).toBeUndefined()
    await clock.advance(1_000)
    expect(limiter.take('a')).toBeUndefined()
    expect(limiter.take('a')).toBe(1_000)
    await clock.advance(3_600_000)
    for (let i = 0; i < 60; i++) expect(limiter.take('a')).toBeUndefined()
    expect(limiter.take('a')).toBeDefined()
  })

  test('O7: remembers so many keys and forgets the one used longest ago', () => {
    const limiter = createLimiter({ perMinute: 1, maxKeys: 2, clock: fakeClock() })
    for (const key of ['a', 'b', 'a']) limiter.take(key)
    limiter.take('c')
    expect(limiter.take('a')).toBeDefined()
    expect(limiter.take('b')).toBeUndefined()
  })

  test('O7: forgets the same ones as a list in the order of use would', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 300 }), (keys) => {
        const limiter = createLimiter({ perMinute: 1, maxKeys: 3, clock: fakeClock() })
        let order: number[] = []
        for (const key of keys) {
          const isKnown = order.includes(key)
          order = [...order.filter((one) => one !== key), key].slice(-3)
          // Whoever is remembered has used up its one request; whoever was forgotten has it again.
          expect(limiter.take(String(key)) === undefined).toBe(!isKnown)
        }
      }),
    )
  })

  test('of 0 limits nothing', () =>
    expect(createLimiter({ perMinute: 0, clock: fakeClock() }).take('a')).toBeUndefined())
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:0DB8:0001:0002::6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
])('%s is counted as %s', (address, network) => expect(networkOf(address)).toBe(network))

describe('the proxy', () => {
  test('takes 60 requests a minute of one person, then 429 with Retry-After, and writes nothing', async () => {
    const world = createWorld()
    for (let i = 0; i < 60; i++) expect((await world.post()).status).toBe(200)
    const puts = world.puts.length
    const { status, body, headers } = await world.post()
    expect({ status, body, after: headers.get('retry-after') }).toEqual({
      status: 429,
      body: { code: 'rate_limited' },
      after: '1',
    })
    expect(world.puts).toHaveLength(puts)
    await world.clock.advance(1_000)
    expect((await world.post()).status).toBe(200)
  })

  test('counts requests without a valid token for their address, and the valid ones of that address never', async () => {
    const world = createWorld({ addressLimit: 3, subjectLimit: 0 })
    const from = (address: string, token: string) =>
      world.proxy.fetch(requestFor({ external_id: 'u1' }, { authorization: `Bearer ${token}` }), { address })
    for (let i = 0; i < 3; i++) expect((await from('2001:db8::1', 'bad')).status).toBe(401)
    expect((await from('2001:db8::2', 'bad')).status).toBe(429)
    for (let i = 0; i < 9; i++) expect((await from('2001:db8::2', sign())).status).toBe(200)
    expect((await from('2001:db9::1', 'bad')).status).toBe(401)
  })

  test.each([
    ['the server, as Bun does', { address: { address: '::', port: 80 } }],
    ['bindings, as Workers do', { waitUntil: 'a text', address: 7 }],
  ])('counts nothing, and answers as always, where a runtime hands in %s', async (_, given) => {
    const world = createWorld({ addressLimit: 1 })
    for (const [token, status] of [
      ['bad', 401],
      ['bad', 401],
      [sign(), 200],
    ] as const) {
      const request = requestFor({ external_id: 'u1' }, { authorization: `Bearer ${token}` })
      expect((await world.proxy.fetch(request, given as never)).status).toBe(status)
    }
  })

  test('J23: refuses a token that is older than its person’s not-before', async () => {
    const store = memory()
    const world = createWorld({ store })
    await store.purge('u1', world.clock.now() + 30_000)
    expect(await world.post()).toMatchObject({ status: 403, body: { code: 'token_revoked' } })
    const without = createWorld({ ...trusting, store })
    expect(await without.post()).toMatchObject({ status: 403, body: { code: 'token_revoked' } })
  })

  test.each([{ subjectLimit: -1 }, { addressLimit: 1.5 }, { concurrency: 0 }])('does not start with %j', (option) =>
    expect(() => createWorld(option)).toThrow(Object.keys(option)[0]),
  )

  test('does not start with a call that could outlive a lease', () => {
    const upstream = { apiKey: 'key', timeoutMs: 15_000 }
    const verify = () => undefined
    expect(() => createProxy({ verify, upstream, store: { ...memory(), isDurable: true } })).toThrow('timeoutMs')
    void createProxy({ verify, upstream }).close()
  })
})
