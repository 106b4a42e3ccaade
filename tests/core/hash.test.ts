import { expect, test } from 'vitest'
import { hash } from '../../src/core/hash.ts'

test('one value under two salts has two hashes, so that stored ones cannot be looked up in a table', () => {
  expect(hash('salt one', 'jane@example.com')).not.toBe(hash('salt two', 'jane@example.com'))
})

test('two values under one salt have two hashes, of 64 bits each', () => {
  const hashes = ['', 'a', 'b', 'ab', 'ba'].map((text) => hash('salt', text))
  expect(new Set(hashes).size).toBe(5)
  for (const one of hashes) expect(one).toMatch(/^[0-9a-f]{16}$/)
})
