import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  byteLength,
  type Contact,
  type Fields,
  fieldNames,
  isExternalId,
  mergeFields,
  parseContact,
} from '../../src/core/contact.ts'

const withField = (field: string, value: unknown): unknown => parseContact({ external_id: 'u1', [field]: value })
const nested = (levels: number, last: unknown = {}): unknown => (levels > 1 ? { a: nested(levels - 1, last) } : last)
const keys = (count: number): object => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]))
const fromJson = (text: string): unknown => parseContact(JSON.parse(text))

describe('external_id', () => {
  test.each([
    ['one character', 'a'],
    ['120 units', 'x'.repeat(120)],
    ['60 emoji, which are 120 units', '😀'.repeat(60)],
    ['white space inside and at the end', 'a b '],
    ['three dots', '...'],
    ['almost the upstream id', `contact_${'0'.repeat(25)}`],
    ['a prototype name', '__proto__'],
  ])('of %s is taken as it is', (_, id) => {
    expect(parseContact({ external_id: id })).toEqual({ external_id: id })
    expect(isExternalId(id)).toBe(true)
  })

  test.each([
    ['missing', undefined],
    ['null', null],
    ['a number', 42],
    ['an array', ['u1']],
    ['an object', { id: 'u1' }],
    ['a boolean', true],
    ['empty', ''],
    ['121 units', 'x'.repeat(121)],
    ['61 emoji', '😀'.repeat(61)],
    ['"."', '.'],
    ['".."', '..'],
    ['with NUL', 'u\0'],
    ['with a lone high surrogate', 'u\ud800'],
    ['with a lone low surrogate', '\udc00u'],
    ['shaped like an upstream id', 'contact_01J9ZQ3F6Y7X8W5V4T3S2R1Q0P'],
    ['shaped like an upstream id in lower case', 'contact_01j9zq3f6y7x8w5v4t3s2r1q0p'],
  ])('%s is refused', (_, id) => {
    expect(parseContact({ external_id: id })).toMatchObject({ path: 'external_id' })
    expect(isExternalId(id)).toBe(false)
  })
})

describe('a field within its limit is taken', () => {
  test.each<[string, string, unknown]>([
    ['256 units of name', 'display_name', 'x'.repeat(256)],
    ['a name of mark-up', 'display_name', `<script>'; DROP TABLE {{7*7}}`],
    ['an empty name', 'display_name', ''],
    ['a cleared name', 'display_name', null],
    ['254 units of e-mail', 'email', `${'x'.repeat(248)}@a.com`],
    ['a cleared e-mail', 'email', null],
    ['a plain http avatar', 'avatar_url', 'http://169.254.169.254/'],
    ['2048 units of avatar', 'avatar_url', `https://a.example/${'x'.repeat(2030)}`],
    ['a cleared avatar', 'avatar_url', null],
    ['50 tags of 64', 'tags', Array.from({ length: 50 }, (_, i) => `${i}`.padEnd(64, 'x'))],
    ['no tags', 'tags', []],
    ['100 keys of 128', 'metadata', { ...keys(99), ['k'.repeat(128)]: 1 }],
    ['16 levels', 'metadata', nested(16)],
    ['16 levels with a value in the last', 'metadata', nested(17, 1)],
    ['every JSON value', 'metadata', { a: [1, -0.5, 'x', true, null, {}], b: 2 ** 53 - 1, c: 1 - 2 ** 53, d: 5e-324 }],
    ['no metadata', 'metadata', {}],
  ])('%s', (_, field, value) => {
    expect(withField(field, value)).toEqual({ external_id: 'u1', [field]: value })
  })

  test('undefined is the same as absent', () => expect(withField('email', undefined)).toEqual({ external_id: 'u1' }))

  test('duplicate tags are removed and the order stays', () =>
    expect(withField('tags', ['b', 'a', 'b'])).toEqual({ external_id: 'u1', tags: ['b', 'a'] }))
})

describe('a field beyond its limit is refused by its path, without the value', () => {
  test.each<[string, string, unknown]>([
    ['257 units of name', 'display_name', 'x'.repeat(257)],
    ['a number as name', 'display_name', 1],
    ['a name with NUL', 'display_name', 'secret\0'],
    ['a name with a lone surrogate', 'display_name', 'secret\ud83d'],
    ['an e-mail with a header break', 'email', 'secret@b\r\nBcc:x'],
    ['255 units of e-mail', 'email', `${'x'.repeat(249)}@a.com`],
    ['an e-mail without @', 'email', 'secret'],
    ['two @', 'email', 'secret@b@c'],
    ['a scripted avatar', 'avatar_url', 'javascript:secret'],
    ['a data avatar', 'avatar_url', 'data:text/html,secret'],
    ['a relative avatar', 'avatar_url', '/secret.png'],
    ['an avatar without a host', 'avatar_url', 'https://'],
    ['2049 units of avatar', 'avatar_url', `https://a.example/${'x'.repeat(2031)}`],
    ['51 tags', 'tags', Array.from({ length: 51 }, (_, i) => `${i}`)],
    ['51 equal tags', 'tags', Array(51).fill('secret')],
    ['a tag of 65', 'tags', ['x'.repeat(65)]],
    ['a tag that is no string', 'tags', ['a', 1]],
    ['a hole among the tags', 'tags', Object.assign(['a'], { length: 2 })],
    ['tags as an object', 'tags', { 0: 'secret' }],
    ['cleared tags by null', 'tags', null],
    ['101 keys', 'metadata', keys(101)],
    ['a key of 129', 'metadata', { ['k'.repeat(129)]: 1 }],
    ['18 levels', 'metadata', nested(18)],
    ['17 levels, the last one empty', 'metadata', nested(17)],
    ['17 levels, the last one an empty list', 'metadata', nested(17, [])],
    ['metadata as an array', 'metadata', ['secret']],
    ['metadata that turns into a text', 'metadata', new Date(0)],
    ['cleared metadata by null', 'metadata', null],
    ['NUL in a value', 'metadata', { a: { b: ['secret\0'] } }],
    ['a lone surrogate in a key', 'metadata', { 'secret\udc00': 1 }],
    ['NUL in a nested key', 'metadata', { a: { 'secret\0': 1 } }],
    ['infinity', 'metadata', { a: Number.POSITIVE_INFINITY }],
    ['NaN', 'metadata', { a: Number.NaN }],
    ['an integer that loses digits', 'metadata', { a: 2 ** 53 }],
    ['a BigInt', 'metadata', { a: 1n }],
    ['a function', 'metadata', { a: () => 'secret' }],
    [
      'a cycle',
      'metadata',
      Object.assign(Object.create(null), {
        get a(): unknown {
          return this
        },
      }),
    ],
  ])('%s', (_, field, value) => {
    const problem = withField(field, value)
    expect(problem).toEqual({ path: field, hint: expect.any(String) })
    expect(JSON.stringify(problem)).not.toContain('secret')
  })

  test.each(['id', '_id', 'created', 'updated', 'workspace_id', 'role', 'externalId', 'toString', 'constructor'])(
    'a key that no contact has: %s',
    (key) => expect(withField(key, 'secret')).toEqual({ path: key, hint: 'not a field of a contact' }),
  )

  test.each([undefined, null, 'x', 1, true, [], () => {}])('what is no object at all: %s', (input) =>
    expect(parseContact(input)).toMatchObject({ path: 'external_id' }),
  )

  test('a getter that throws is a problem, not an exception', () => {
    const input = {
      external_id: 'u1',
      get email(): string {
        throw new Error('secret')
      },
    }
    expect(parseContact(input)).toMatchObject({ path: 'email' })
  })
})

describe('JSON that would not survive', () => {
  test.each([
    ['1e999', '{"external_id":"u1","metadata":{"a":1e999}}'],
    ['more digits than a double has', '{"external_id":"u1","metadata":{"a":12345678901234567890}}'],
    ['the same in a list', '{"external_id":"u1","metadata":{"a":[12345678901234567890]}}'],
    ['an escaped lone surrogate', '{"external_id":"u1","metadata":{"a":"\\ud800"}}'],
    ['20 000 levels', `{"external_id":"u1","metadata":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`],
  ])('%s is refused', (_, text) => expect(fromJson(text)).toMatchObject({ path: 'metadata' }))

  test('what is taken is the same after a round trip, and taken again', () => {
    const value = fc.jsonValue({ maxDepth: 5 })
    fc.assert(
      fc.property(fc.dictionary(fc.string({ maxLength: 8 }), value, { maxKeys: 8 }), (given) => {
        const metadata = JSON.parse(JSON.stringify(given)) // -0 is 0 on the wire
        const contact = withField('metadata', metadata)
        if ('path' in (contact as object)) return
        expect(JSON.parse(JSON.stringify(contact))).toEqual(contact)
        expect(parseContact(contact)).toEqual(contact)
        expect(contact).toEqual({ external_id: 'u1', metadata })
      }),
    )
  })
})

describe('the copy', () => {
  test('has equal JSON whatever the order of keys, nested ones too', () => {
    const one = withField('metadata', { a: { x: 1, y: [{ p: 1, q: 2 }] }, b: 2 })
    const other = withField('metadata', { b: 2, a: { y: [{ q: 2, p: 1 }], x: 1 } })
    expect(JSON.stringify(one)).toBe(JSON.stringify(other))
  })

  test('shares nothing with what was given', () => {
    const metadata = { a: { b: 1 } }
    const tags = ['x']
    const contact = parseContact({ external_id: 'u1', metadata, tags }) as Contact
    metadata.a.b = 2
    tags.push('y')
    expect(contact).toEqual({ external_id: 'u1', metadata: { a: { b: 1 } }, tags: ['x'] })
  })

  test.each(['__proto__', 'constructor', 'prototype'])('never has a key %s, at whatever depth', (key) => {
    const evil = `"${key}":{"polluted":1}`
    expect(fromJson(`{"external_id":"u1",${evil}}`)).toMatchObject({ path: key })
    expect(fromJson(`{"external_id":"u1","metadata":{${evil}}}`)).toMatchObject({ path: 'metadata' })
    expect(fromJson(`{"external_id":"u1","metadata":{"a":[{"b":{${evil}}}]}}`)).toMatchObject({ path: 'metadata' })
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

test('the length of a body counts bytes of UTF-8', () => expect(byteLength('aé€😀')).toBe(10))

describe('the merge rule', () => {
  const fields: fc.Arbitrary<Fields> = fc.record(
    {
      display_name: fc.option(fc.string()),
      email: fc.option(fc.constantFrom('a@b.c', 'd@e.f')),
      avatar_url: fc.option(fc.webUrl()),
      tags: fc.array(fc.string(), { maxLength: 3 }),
      metadata: fc.dictionary(fc.string(), fc.integer(), { maxKeys: 3 }),
    },
    { requiredKeys: [] },
  )

  test('keeps what is absent, clears by null, [] and {}, and replaces a field as a whole', () => {
    const stored = { display_name: 'Ada', email: 'a@b.c', tags: ['x'], metadata: { a: 1, b: 2 } }
    expect(mergeFields(stored, { email: null, tags: [], metadata: { c: 3 } })).toEqual({
      display_name: 'Ada',
      email: null,
      tags: [],
      metadata: { c: 3 },
    })
  })

  test('joining updates is the later value of each field', () => {
    fc.assert(
      fc.property(fc.array(fields, { maxLength: 6 }), (updates) => {
        const joined = updates.reduce<Fields>(mergeFields, {})
        for (const name of fieldNames)
          expect(joined[name]).toEqual(updates.filter((update) => name in update).at(-1)?.[name])
      }),
    )
  })

  test('joining several updates first comes to the same as applying each in order', () => {
    fc.assert(
      fc.property(fields, fc.array(fields, { maxLength: 6 }), fc.nat(6), (stored, updates, cut) => {
        const each = updates.reduce<Fields>(mergeFields, stored)
        const join = (list: Fields[]): Fields => list.reduce<Fields>(mergeFields, {})
        expect(mergeFields(stored, join(updates))).toEqual(each)
        expect(mergeFields(mergeFields(stored, join(updates.slice(0, cut))), join(updates.slice(cut)))).toEqual(each)
      }),
    )
  })
})
