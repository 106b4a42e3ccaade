import { describe, expect, test } from 'vitest'
import { jwt, mintToken } from '../../src/server.ts'
import { fakeClock } from '../clock.ts'
import { badHeaders, badPayloads, claimsWith } from './bad-tokens.ts'
import {
  contact,
  createWorld,
  expectRefused,
  goodClaims,
  goodHeader,
  listed,
  nowSeconds,
  secret,
  sign,
  signRaw,
  startMs,
} from './harness.ts'

const header = JSON.stringify(goodHeader)

const refuses = async (token: string, code: 'token_invalid' | 'token_expired' = 'token_invalid'): Promise<void> => {
  const world = createWorld()
  expectRefused(world, await world.post(undefined, { authorization: `Bearer ${token}` }), code)
}
const takes = async (token: string): Promise<void> => {
  expect((await createWorld().post(undefined, { authorization: `Bearer ${token}` })).status).toBe(200)
}

describe('J11: aud', () => {
  test.each([undefined, null, '', 'other', 'orq-identify ', 'ORQ-IDENTIFY', [], ['other'], [1], {}, 1])(
    '%j is refused',
    (aud) => refuses(sign({ aud })),
  )
  test('a list with us is taken', () => takes(sign({ aud: ['other', 'orq-identify'] })))
})

describe('J12: iss', () => {
  const world = () => createWorld({ verify: jwt({ secret, issuer: 'backend', clock: fakeClock(startMs) }) })
  test.each([undefined, null, '', 'other', ['backend']])('%j is refused where one is set', async (iss) => {
    const strict = world()
    expectRefused(strict, await strict.post(undefined, { authorization: `Bearer ${sign({ iss })}` }), 'token_invalid')
  })
  test('the one that is set is taken, and any where none is', async () => {
    const token = sign({ iss: 'backend' })
    expect((await world().post(undefined, { authorization: `Bearer ${token}` })).status).toBe(200)
    await takes(token)
  })
})

describe('J13: how long a token lives', () => {
  test.each<[string, object]>([
    ['no exp', { exp: undefined }],
    ['exp as a text', { exp: String(nowSeconds + 300) }],
    ['exp 1e308', { exp: 1e308 }],
    ['exp null, which NaN becomes', { exp: Number.NaN }],
    ['a negative exp', { exp: -1 }],
    ['exp before iat', { iat: nowSeconds, exp: nowSeconds - 1 }],
    ['a life of 15 min and a second', { exp: nowSeconds + 901 }],
    ['no iat', { iat: undefined }],
    ['iat as a text', { iat: String(nowSeconds) }],
    ['a negative iat', { iat: -1 }],
  ])('%s is refused', (_, claims) => refuses(sign(claims)))

  test('exp 1e999, which is infinity, is refused', () =>
    refuses(signRaw(header, JSON.stringify(goodClaims).replace(/"exp":\d+/, '"exp":1e999'))))

  test.each<[string, object]>([
    ['expired 10 s ago', { iat: nowSeconds - 300, exp: nowSeconds - 10 }],
    ['a life of 15 min', { exp: nowSeconds + 900 }],
  ])('%s is taken: clocks differ by up to 30 s', (_, claims) => takes(sign(claims)))

  const expired = { iat: nowSeconds - 300, exp: nowSeconds - 31 }
  test('expired 31 s ago is token_expired', () => refuses(sign(expired), 'token_expired'))
  test.each([
    ['without a right signature', sign(expired, {}, 'another-secret-0123456789-0123456789')],
    ['for somebody else', sign({ ...expired, aud: 'other' })],
    ['with a life of an hour', sign({ iat: nowSeconds - 3_631, exp: nowSeconds - 31 })],
  ])('expired and %s is token_invalid', (_, token) => refuses(token))
})

describe('J14: a token from the future', () => {
  test.each<[string, object]>([
    ['iat 31 s ahead', { iat: nowSeconds + 31, exp: nowSeconds + 300 }],
    ['nbf 31 s ahead', { nbf: nowSeconds + 31 }],
    ['nbf as a text', { nbf: '0' }],
  ])('%s is refused', (_, claims) => refuses(sign(claims)))

  test.each<[string, object]>([
    ['iat 29 s ahead', { iat: nowSeconds + 29, exp: nowSeconds + 300 }],
    ['nbf 29 s ahead', { nbf: nowSeconds + 29 }],
  ])('%s is taken: clocks differ by up to 30 s', (_, claims) => takes(sign(claims)))
})

describe('J17: sub', () => {
  test.each([undefined, null, 1, '', [], ['u1'], {}, 'x'.repeat(121), 'u\0', '.', '..'])('%j is refused', (sub) =>
    refuses(sign({ sub })),
  )
  test('an escaped lone surrogate is refused', () =>
    refuses(signRaw(header, JSON.stringify(goodClaims).replace('"u1"', '"\\ud800"'))))
})

describe('J18: fields and origin', () => {
  test.each([null, 'email', {}, [1], ['phone'], ['external_id'], ['email', 'toString']])(
    'fields %j is refused',
    (fields) => refuses(sign({ fields })),
  )

  test('an empty list forbids every field', async () => {
    const world = createWorld()
    const authorization = `Bearer ${sign({ fields: [] })}`
    expectRefused(world, await world.post(contact, { authorization }), 'field_forbidden', { path: 'display_name' })
    expect((await world.post({ external_id: 'u1' }, { authorization })).status).toBe(200)
  })

  test.each([null, 1, [listed]])('origin %j is refused', (origin) => refuses(sign({ origin })))
})

describe('J19: a claim that is given twice', () => {
  test('of two equal claims the last wins, for the check and for the scope', async () => {
    const world = createWorld()
    const authorization = `Bearer ${signRaw(header, claimsWith(goodClaims, '"sub":"u2"'))}`
    expectRefused(world, await world.post({ external_id: 'u1' }, { authorization }), 'scope_mismatch')
    expect((await world.post({ external_id: 'u2' }, { authorization })).status).toBe(200)
  })
})

describe('J20: a payload that is no JSON object', () => {
  test.each(badPayloads(goodClaims, 1_400))('%s is refused', (_, payload) => refuses(signRaw(header, payload)))

  test.each(badHeaders(goodHeader))('a header of %s is refused', (_, text) =>
    refuses(signRaw(text, JSON.stringify(goodClaims))),
  )

  test('claims that we do not know are ignored', () => takes(sign({ jti: 'x', role: 'admin', scope: 'all' })))
})

describe('several keys', () => {
  const [one, two] = ['first-secret-0123456789-0123456789', 'other-secret-0123456789-0123456789']
  const post = async (token: string) =>
    (
      await createWorld({ verify: jwt({ secret: { one, two }, clock: fakeClock(startMs) }) }).post(undefined, {
        authorization: `Bearer ${token}`,
      })
    ).status

  test('are told apart by kid, so that one can replace another', async () => {
    expect(await post(sign({}, { kid: 'one' }, one))).toBe(200)
    expect(await post(sign({}, { kid: 'two' }, two))).toBe(200)
    expect(await post(sign({}, { kid: 'one' }, two))).toBe(401)
    expect(await post(sign({}, { kid: 'default' }, one))).toBe(401)
  })

  test('sign what mintToken makes', async () => {
    const verify = jwt({ secret: { one, two } })
    const token = await mintToken({ subject: 'u1', fields: ['email'], origin: listed }, { secret: two, keyId: 'two' })
    expect(await verify(token, new Request('https://a.example'))).toMatchObject({
      subject: 'u1',
      fields: ['email'],
      origin: listed,
    })
  })
})
