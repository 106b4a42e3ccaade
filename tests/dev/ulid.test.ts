import { expect, test } from 'vitest'
import { createUlids } from '../../src/dev/ulid.ts'

test('a ULID begins with its time', () => {
  // The example of the specification.
  expect(createUlids(() => 1469918176385)().slice(0, 10)).toBe('01ARYZ6S41')
})

test('each is greater than the one before, within a millisecond and after the clock was set back', () => {
  let now = 2_000
  const next = createUlids(() => now--)
  const made = Array.from({ length: 1_000 }, next)
  expect(made).toEqual([...made].sort())
  expect(new Set(made).size).toBe(1_000)
  expect(made.every((ulid) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(ulid))).toBe(true)
})
