import { describe, expect, test } from 'vitest'
import { type Profile, personOf, userOf } from '../../src/dev/page/profile.ts'
import { sentenceOf } from '../../src/dev/page/sentences.ts'

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
