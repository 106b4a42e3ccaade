import { describe, expect, test } from 'vitest'
import { type Profile, personOf, userOf } from '../../src/dev/page/profile.ts'
import { sentenceOf } from '../../src/dev/page/sentences.ts'
import { tellDecision, tellStep } from '../../src/dev/page/step-sentences.ts'
import { shownAs, spanOf } from '../../src/dev/page/words.ts'

const profile = (given: Partial<Profile> = {}): Profile => ({
  externalId: 'u1',
  displayName: '',
  email: '',
  plan: '',
  tags: [],
  ...given,
})
const full = profile({ displayName: 'U', email: 'u@e.org', plan: 'pro', tags: ['a'] })

describe('the boxes of the page', () => {
  test('become the fields of the call', () => {
    expect(userOf(full, undefined)).toEqual({
      externalId: 'u1',
      displayName: 'U',
      email: 'u@e.org',
      metadata: { plan: 'pro' },
      tags: ['a'],
    })
  })

  test('say nothing about a field whose box was always empty', () => {
    expect(userOf(profile(), undefined)).toEqual({ externalId: 'u1' })
  })

  test('clear a field when its box is emptied', () => {
    const cleared = { externalId: 'u1', displayName: null, email: null, metadata: {}, tags: [] }
    expect(userOf(profile(), full)).toEqual(cleared)
  })

  test('clear nothing of another person', () => {
    expect(userOf(profile({ externalId: 'u2' }), full)).toEqual({ externalId: 'u2' })
  })

  test('are remembered by the backend without the empty ones', () => {
    expect(personOf(profile({ email: 'u@e.org' }))).toEqual({ external_id: 'u1', email: 'u@e.org' })
  })
})

test('a sentence never claims a delivery that nobody confirmed', () => {
  expect(sentenceOf({ status: 'duplicate' })).toContain('nothing was sent')
  expect(sentenceOf({ status: 'accepted' })).not.toContain('confirmed')
  expect(sentenceOf({ status: 'pending', reason: 'offline' })).toMatch(/^Kept/)
  expect(sentenceOf({ status: 'dropped', reason: 'reset' })).toMatch(/^Dropped/)
})

describe('a step', () => {
  const at = 0

  test('of a 202 speaks of the disk, not of a delivery', () => {
    const told = tellStep({ at, type: 'answered', status: 202, code: 'accepted', ms: 1, externalId: 'u' })
    expect(told).toMatchObject({ what: '202 accepted', mood: 'good' })
    expect(told.said).toContain('on the disk')
  })

  test('that failed for now looks other than one that failed for good', () => {
    const moodOf = (status: 401 | 429 | 503, code: 'token_invalid' | 'rate_limited' | 'store_unavailable') =>
      tellStep({ at, type: 'answered', status, code, ms: 1, externalId: undefined }).mood
    expect([moodOf(401, 'token_invalid'), moodOf(429, 'rate_limited'), moodOf(503, 'store_unavailable')]).toEqual([
      'bad',
      'wait',
      'wait',
    ])
  })

  test('without an answer says so', () => {
    const step = { at, type: 'call', result: 'retry', status: undefined, ms: 0.2, externalId: 'u' } as const
    expect(tellStep(step).what).toBe('no answer in 1 ms')
  })

  test('of the client gives its reason', () => {
    expect(tellDecision({ kind: 'pending', reason: 'rate_limited', contact: 'h', at }).what).toBe(
      'pending · rate limited',
    )
  })
})

test('a value is shown as it is, and one that clears its field as cleared', () => {
  expect([null, '', [], {}].map(shownAs)).toEqual(Array(4).fill('cleared'))
  expect([false, 0, 'a', ['a', 1], { a: null }].map(shownAs)).toEqual(['false', '0', 'a', 'a, 1', '{"a":null}'])
})

test('a length of time is told in one unit', () => {
  expect([-5, 400, 119_000, 120_000, 7_200_000, 172_800_000].map(spanOf)).toEqual([
    '0 s',
    '0 s',
    '119 s',
    '2 min',
    '2 h',
    '2 d',
  ])
})
