import { describe, expect, test } from 'vitest'
import type { Scope, Verify } from '../../src/server.ts'
import { contact, createWorld, expectRefused, requestFor, sign } from './harness.ts'

const tokenFor = (claims: object): Record<string, string> => ({ authorization: `Bearer ${sign(claims)}` })

describe('S1: the id of the body is the subject of the token, unit by unit', () => {
  test.each([
    ['another', 'u1', 'u2'],
    ['another case', 'u1', 'U1'],
    ['a space at the end', 'u1', 'u1 '],
    ['a space before', 'u1', ' u1'],
    ['composed and decomposed', '\u00e9', 'e\u0301'],
    ['full-width digits', 'u1', 'u\uff11'],
    ['a zero-width joiner', 'u1', 'u\u200d1'],
    ['a prefix', 'u1', 'u'],
  ])('%s is refused', async (_, sub, external_id) => {
    const world = createWorld()
    expectRefused(world, await world.post({ external_id }, tokenFor({ sub })), 'scope_mismatch')
  })
})

test('S4: of two ids in one body the last counts', async () => {
  const world = createWorld()
  expectRefused(world, await world.post('{"external_id":"u1","external_id":"u2"}'), 'scope_mismatch')
  expect((await world.post('{"external_id":"u2","external_id":"u1"}')).status).toBe(200)
  expect(world.calls[0]?.body).toEqual({ external_id: 'u1' })
})

describe('S5: the fields of the token', () => {
  const fields = ['email', 'tags']

  test('let nothing else through, and then nothing at all', async () => {
    const world = createWorld()
    const body = { external_id: 'u1', email: 'a@b.c', metadata: {}, display_name: 'CANARY' }
    expectRefused(world, await world.post(body, tokenFor({ fields })), 'field_forbidden', { path: 'metadata' })
  })

  test.each([{ external_id: 'u1' }, { external_id: 'u1', tags: [] }, { external_id: 'u1', tags: [], email: null }])(
    'let %j through',
    async (body) => {
      const world = createWorld()
      expect((await world.post(body, tokenFor({ fields }))).status).toBe(200)
      expect(world.calls[0]?.body).toEqual(body)
    },
  )
})

describe('a verify of your own', () => {
  const post = async (verify: Verify, headers: Record<string, string> = { authorization: 'Bearer opaque' }) => {
    const world = createWorld({ verify })
    return { world, answer: await world.post(contact, headers) }
  }

  test('gets the text after Bearer and the request', async () => {
    const seen: unknown[] = []
    const { answer } = await post(
      (token, request) => {
        seen.push(token, request.headers.get('x-tenant'))
        return { subject: 'u1' }
      },
      { authorization: 'Bearer opaque', 'x-tenant': 't1' },
    )
    expect(answer.status).toBe(200)
    expect(seen).toEqual(['opaque', 't1'])
  })

  test('may be asynchronous', async () => expect((await post(async () => ({ subject: 'u1' }))).answer.status).toBe(200))

  test.each<[Scope | 'expired' | undefined, string]>([
    [undefined, 'token_invalid'],
    ['expired', 'token_expired'],
    [{ subject: 'u2' }, 'scope_mismatch'],
    [{ subject: 'u1', fields: ['email'] }, 'field_forbidden'],
    [{ subject: 'u1', fields: [] }, 'field_forbidden'],
    [{ subject: 'u1', origin: 'https://app.example' }, 'origin_forbidden'],
  ])('%j is %s', async (scope, code) => {
    const { world, answer } = await post(() => scope)
    expectRefused(world, answer, code as 'token_invalid')
  })

  test.each([
    () => {
      throw new Error('CANARY')
    },
    async () => {
      throw new Error('CANARY')
    },
  ])('that throws is internal, says nothing and writes nothing', async (verify) => {
    const { world, answer } = await post(verify as Verify)
    expectRefused(world, answer, 'internal')
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
  })

  test('is not asked where the token is missing', async () => {
    const world = createWorld({ verify: () => ({ subject: 'u1' }) })
    expectRefused(world, await world.post(contact, { authorization: null }), 'token_missing')
  })
})

test('no body is read before the token is good', async () => {
  const world = createWorld()
  const request = requestFor(contact, { authorization: 'Bearer opaque' })
  expectRefused(world, await world.send(request), 'token_invalid')
  expect(request.bodyUsed).toBe(false)
})
