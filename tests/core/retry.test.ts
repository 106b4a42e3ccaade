import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextDelay, parseRetryAfter } from '../../src/core/retry.ts'

const now = Date.UTC(2026, 9, 21, 7, 28, 0)

describe('the wait before the next attempt', () => {
  test.each([
    [0, 500],
    [1, 750],
    [2, 1_125],
    [11, 43_248],
    [12, 60_000],
    [5_000, 60_000],
  ])('after %i earlier failures is %i ms, without jitter', (failures, expected) => {
    expect(nextDelay({}, failures, 0, 0.5)).toBeCloseTo(expected, -1)
  })

  test('is spread over 20 % up and down', () => {
    expect(nextDelay({}, 0, 0, 0)).toBeCloseTo(400)
    expect(nextDelay({}, 0, 0, 1)).toBeCloseTo(600)
  })

  test('stays between 80 % of the first and 120 % of the longest interval', () => {
    const interval = fc.integer({ min: 1, max: 100_000 })
    fc.assert(
      fc.property(
        interval,
        interval,
        fc.nat(10_000),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (a, b, failures, random) => {
          const [initialInterval, maxInterval] = [Math.min(a, b), Math.max(a, b)]
          const delay = nextDelay({ backoff: { initialInterval, maxInterval } }, failures, 0, random)
          expect(delay).toBeGreaterThanOrEqual(0.8 * initialInterval - 1e-6)
          expect(delay).toBeLessThanOrEqual(1.2 * maxInterval + 1e-6)
        },
      ),
    )
  })

  test.each([
    ['an hour by default', {}, 3_600_000],
    ['maxElapsedTime', { backoff: { maxElapsedTime: 2_000 } }, 2_000],
  ])('ends after %s', (_, config, limit) => {
    expect(nextDelay(config, 1, limit - 1, 0)).toBeGreaterThan(0)
    expect(nextDelay(config, 1, limit, 0)).toBeUndefined()
  })

  test('does not exist under the strategy none', () => expect(nextDelay({ strategy: 'none' }, 0, 0, 0)).toBeUndefined())

  test('uses the default for each number that is given as undefined', () =>
    expect(nextDelay({ backoff: { initialInterval: undefined } }, 0, 0, 0.5)).toBeCloseTo(500))
})

describe('Retry-After', () => {
  test.each<[string, string | null | undefined, number | undefined]>([
    ['seconds', '2', 2_000],
    ['seconds between spaces', ' 2 ', 2_000],
    ['zero', '0', 0],
    ['a negative number: now', '-1', 0],
    ['more than an hour: an hour', '999999', 3_600_000],
    ['an HTTP date', 'Wed, 21 Oct 2026 07:28:30 GMT', 30_000],
    ['an HTTP date in the past: now', 'Wed, 21 Oct 2026 07:27:00 GMT', 0],
    ['an HTTP date far away: an hour', 'Fri, 31 Dec 2027 23:59:59 GMT', 3_600_000],
    ['garbage', 'soon', undefined],
    ['nothing', '', undefined],
    ['no header', null, undefined],
    ['an absent value', undefined, undefined],
  ])('as %s', (_, header, expected) => expect(parseRetryAfter(header, now)).toBe(expected))
})
