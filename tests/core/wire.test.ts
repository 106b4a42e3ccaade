import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatUpdateId, parseUpdateId } from '../../src/core/wire.ts'

const client = 'abcdefghijklmnop'

describe('an update id', () => {
  test.each([
    [`${client}.1`, { client, number: 1, force: false }],
    [`${client}.0`, { client, number: 0, force: false }],
    [`${client}.999999999999999.force`, { client, number: 999_999_999_999_999, force: true }],
    [`${'A-_9'.repeat(16)}.7`, { client: 'A-_9'.repeat(16), number: 7, force: false }],
  ])('%s is read', (text, expected) => expect(parseUpdateId(text)).toEqual(expected))

  test.each([
    '',
    client,
    `${client}.`,
    `.1`,
    `${client.slice(1)}.1`,
    `${'x'.repeat(65)}.1`,
    `${client}.1234567890123456`,
    `${client}.-1`,
    `${client}.+1`,
    `${client}.1.5`,
    `${client}.1e3`,
    `${client}.0x1`,
    `${client}.1.FORCE`,
    `${client}.1.force.force`,
    ` ${client}.1`,
    `${client}.1\n`,
    `${client}!.1`,
    `${client}é.1`,
    `${client}.١`,
    `${client}.1, ${client}.2`,
  ])('%j is malformed', (text) => expect(parseUpdateId(text)).toBeUndefined())

  test('survives the wire', () => {
    const id = fc.record({
      client: fc.stringMatching(/^[A-Za-z0-9_-]{16,64}$/),
      number: fc.nat(999_999_999_999_999),
      force: fc.boolean(),
    })
    fc.assert(
      fc.property(id, (given) => {
        expect(parseUpdateId(formatUpdateId(given))).toEqual(given)
      }),
    )
  })
})
