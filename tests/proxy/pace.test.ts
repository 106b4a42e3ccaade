import { expect, test } from 'vitest'
import type { ProxyEvent } from '../../src/proxy/events.ts'
import { createPace } from '../../src/proxy/pace.ts'
import { fakeClock } from '../clock.ts'

const setUp = () => {
  const clock = fakeClock()
  const events: ProxyEvent[] = []
  const pace = createPace({ concurrency: 8, clock, random: () => 0.5, onEvent: (event) => events.push(event) })
  const fail = (count: number, how: 'retry' | 'blocked' = 'retry'): void => {
    for (let i = 0; i < count; i++) pace.failed(`u${i}`, how)
  }
  return { clock, events, pace, fail }
}

test('as many calls start as slots are free', () => {
  const { pace } = setUp()
  expect([pace.free(0), pace.free(7), pace.free(8), pace.isOpen()]).toEqual([8, 1, 0, true])
})

test('one contact that fails again and again slows nobody', () => {
  const { pace } = setUp()
  for (let i = 0; i < 50; i++) pace.failed('u1', i % 2 ? 'retry' : 'blocked')
  for (let i = 0; i < 50; i++) pace.failed('u1', 'blocked')
  expect(pace.free(0)).toBe(8)
})

test('five contacts in a row: one probe at a time, further apart, until one passes', async () => {
  const { clock, pace, fail, events } = setUp()
  fail(4)
  expect(pace.free(0)).toBe(8)
  pace.passed()
  fail(5)
  expect([pace.free(0), pace.isOpen()]).toEqual([0, false])
  const gaps: number[] = []
  for (let i = 0; i < 9; i++) {
    gaps.push(pace.waitMs())
    await clock.advance(pace.waitMs())
    expect([pace.free(0), pace.free(1)]).toEqual([1, 0])
    pace.failed('u9', 'retry')
  }
  expect(gaps.slice(0, 3)).toEqual([500, 750, 1_125])
  expect(gaps.at(-1)).toBe(5_000)
  pace.passed()
  expect([pace.free(0), pace.isOpen()]).toEqual([8, true])
  expect(events.map(({ type }) => type)).toEqual(['paused', 'resumed'])
})

test('Retry-After that comes while a longer pause runs holds when that one ends early', () => {
  const { pace, fail } = setUp()
  fail(3, 'blocked')
  pace.failed('u9', 'retry', 30_000)
  // It was on the wire when the pause began.
  pace.passed()
  expect([pace.waitMs(), pace.isOpen()]).toEqual([30_000, false])
})

test('what fails together counts once', () => {
  const { pace, fail } = setUp()
  fail(64)
  expect(pace.waitMs()).toBe(500)
})

test('three contacts in a row turned away: an alarm, and a probe every minute', async () => {
  const { clock, pace, fail, events } = setUp()
  fail(2, 'blocked')
  expect(pace.free(0)).toBe(8)
  fail(3, 'blocked')
  expect(events).toEqual([{ type: 'paused', why: 'blocked', ms: 60_000 }])
  for (let i = 0; i < 3; i++) {
    expect(pace.waitMs()).toBe(60_000)
    await clock.advance(60_000)
    expect(pace.free(0)).toBe(1)
    pace.failed('u9', 'blocked')
  }
  await clock.advance(60_000)
  pace.passed()
  expect(pace.free(0)).toBe(8)
})

test('F2: a Retry-After pauses all, no answer that was on its way ends it, and a clock that is set does not matter', async () => {
  const { clock, pace } = setUp()
  pace.failed('u1', 'retry', 30_000)
  pace.failed('u2', 'retry', 10_000)
  pace.passed()
  clock.set(0)
  expect([pace.free(0), pace.waitMs()]).toEqual([0, 30_000])
  await clock.advance(30_000)
  expect(pace.free(0)).toBe(8)
})
