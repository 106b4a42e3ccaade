import { describe, expect, test } from 'vitest'
import type { ClientOptions, Consent } from '../../src/index.ts'
import { createWorld, refused } from './harness.ts'
import { watchConsole } from './site.ts'

const bare = Object.create(null)

describe('a value that only reads like a right one, or that has no text, throws a RangeError that names the option', () => {
  test.each<[keyof ClientOptions, unknown]>([
    ['consent', ['granted']],
    ['consent', new String('granted')],
    ['consent', { toString: () => 'granted' }],
    ['consent', "granted', 'pending"],
    ['consent', Symbol('granted')],
    ['consent', bare],
    ['outbox', ['memory']],
    ['outbox', new String('memory')],
    ['outbox', "local' or 'memory"],
    ['debug', 'toString'],
    ['debug', 'constructor'],
    ['debug', '__proto__'],
    ['debug', []],
    ['debug', Symbol('true')],
    ['respectPrivacySignals', 'hasOwnProperty'],
    ['respectPrivacySignals', [false]],
    ['debounceMs', Symbol('250')],
    ['timeoutMs', bare],
  ])('%s: %o', (name, value) => {
    let error: unknown
    try {
      createWorld().load({ [name]: value })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(RangeError)
    expect(String(error)).toContain(`orq: ${name} must be `)
  })
})

describe('consent() with a value that only reads like a right one', () => {
  test.each([
    ['a list of one', ['granted']],
    ['a list of a purpose', ['denied']],
    ['a text object', new String('granted')],
    ['the words of the error', "granted', 'pending' or 'denied"],
    ['a symbol', Symbol('granted')],
    ['an object without a prototype', bare],
  ])('%s: throws a RangeError, and erases nothing', async (_, value) => {
    watchConsole()
    const world = createWorld()
    world.replies = [() => refused(503, 'store_unavailable', {}, { 'retry-after': '600' })]
    const { orq } = world.load()
    orq.identify('user_1', { email: 'jane@example.com' })
    await world.clock.advance(1_000)
    let error: unknown
    try {
      orq.consent(value as Consent)
    } catch (thrown) {
      error = thrown
    }
    expect([...world.storage.values].join()).toContain('jane@example.com')
    expect(error).toBeInstanceOf(RangeError)
  })
})

describe('retries', () => {
  const wrong: [string, object][] = [
    ['a list', []],
    ['an unknown strategy', { strategy: 'linear' }],
    ['a factor that is none', { backoff: { exponent: Number.NaN } }],
    ['a wait that is no number', { backoff: { initialInterval: 'soon' } }],
    ['a wait below zero', { backoff: { initialInterval: -500 } }],
    ['a longest wait without a number', { backoff: { maxInterval: Number.NaN } }],
    ['a longest wait below zero', { backoff: { maxInterval: -1 } }],
    ['a longest wait without an end', { backoff: { maxInterval: Number.POSITIVE_INFINITY } }],
    ['a factor that shrinks to nothing', { backoff: { exponent: -2 } }],
    ['a backoff that is no object', { backoff: 500 }],
  ]
  test.each(wrong)('with %s: init throws a RangeError that names it', (_, retries) => {
    expect(() => createWorld().load({ retries } as ClientOptions)).toThrow(/^orq: retries/)
  })

  test.each([
    ['a factor that is none', { backoff: { exponent: Number.NaN } }],
    ['a wait below zero', { backoff: { initialInterval: -500 } }],
    ['no wait at all', { backoff: { initialInterval: 0 } }],
    ['a longest wait of zero', { backoff: { maxInterval: 0 } }],
  ])('with %s: init throws, or a proxy that is down is called with pauses', async (_, retries) => {
    watchConsole()
    const world = createWorld()
    // The last one is never answered, which ends a loop without a pause.
    world.replies = Array.from({ length: 50 }, (_, n) => () => (n < 49 ? refused(503, 'store_unavailable') : 'hang'))
    try {
      world.load({ retries } as ClientOptions).orq.identify('user_1')
    } catch {
      return
    }
    await world.clock.advance(1_000)
    expect(world.posts.length).toBeLessThan(20)
  })
})
