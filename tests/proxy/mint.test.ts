import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { jwt, mintToken, OrqError } from '../../src/server.ts'
import { listed, secret } from './harness.ts'

const grant = { subject: 'u1' }
const read = (part: string | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(part as string, 'base64url').toString())
const readClaims = (token: string): Record<string, unknown> => read(token.split('.')[1])
const request = new Request('https://a.example')

afterEach(() => vi.useRealTimers())

describe('mintToken', () => {
  test('makes what DESIGN describes, which any JWT library can check', async () => {
    vi.useFakeTimers({ now: 1_800_000_000_900, toFake: ['Date'] })
    const token = await mintToken(grant, { secret })
    const [header, payload, signature] = token.split('.')
    expect(read(header)).toEqual({ alg: 'HS256', typ: 'orq-identify+jwt', kid: 'default' })
    expect(read(payload)).toEqual({ sub: 'u1', aud: 'orq-identify', iat: 1_800_000_000, exp: 1_800_000_300 })
    expect(signature).toBe(createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url'))
  })

  test('says who may use it for what', async () => {
    const all = { ...grant, fields: ['email'] as const, origin: listed, audience: 'a', issuer: 'i' }
    const token = await mintToken(all, { secret, keyId: 'k2' })
    expect(readClaims(token)).toMatchObject({ fields: ['email'], origin: listed, aud: 'a', iss: 'i' })
    expect(read(token.split('.')[0])['kid']).toBe('k2')
    expect(await jwt({ secret: { k2: secret }, audience: 'a', issuer: 'i' })(token, request)).toMatchObject(grant)
  })

  test.each([
    ['90s', 90],
    ['15m', 900],
    ['1s', 1],
    ['60', 60],
    [600, 600],
  ])('lives for %s', async (expiresIn, seconds) => {
    const { iat, exp } = readClaims(await mintToken({ ...grant, expiresIn }, { secret })) as Record<string, number>
    expect((exp as number) - (iat as number)).toBe(seconds)
  })

  test('of 15 min is taken even if the clock ticks while it is made', async () => {
    let ms = 1_800_000_000_999
    vi.useFakeTimers({ now: ms, toFake: ['Date'] })
    const read = vi.spyOn(Date, 'now').mockImplementation(() => ++ms)
    const token = await mintToken({ ...grant, expiresIn: '15m' }, { secret })
    read.mockRestore()
    expect(await jwt({ secret })(token, request)).toMatchObject(grant)
  })

  test.each<[string, object, object]>([
    ['subject', { subject: '' }, {}],
    ['subject', { subject: undefined }, {}],
    ['subject', { subject: 42 }, {}],
    ['subject', { subject: '..' }, {}],
    ['subject', { subject: 'x'.repeat(121) }, {}],
    ['expiresIn', { expiresIn: '16m' }, {}],
    ['expiresIn', { expiresIn: '1h' }, {}],
    ['expiresIn', { expiresIn: 0 }, {}],
    ['expiresIn', { expiresIn: -1 }, {}],
    ['expiresIn', { expiresIn: 1.5 }, {}],
    ['expiresIn', { expiresIn: '' }, {}],
    ['expiresIn', { expiresIn: Number.NaN }, {}],
    ['fields', { fields: [] }, {}],
    ['fields', { fields: ['external_id'] }, {}],
    ['fields', { fields: ['phone'] }, {}],
    ['origin', { origin: 'app.example' }, {}],
    ['origin', { origin: 'https://app.example/' }, {}],
    ['origin', { origin: 'https://APP.example' }, {}],
    ['origin', { origin: 'null' }, {}],
    ['origin', { origin: '' }, {}],
    ['secret', {}, { secret: 'x'.repeat(31) }],
    ['secret', {}, { secret: undefined }],
    ['secret', {}, { secret: '' }],
  ])('names the setting that is wrong: %s of %j %j', async (name, more, key) => {
    const error = await mintToken({ ...grant, ...more } as never, { secret, ...key }).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(OrqError)
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringMatching(`^${name}: `) })
    expect(error.message).not.toMatch(/CANARY|xxx/)
  })
})

describe('jwt', () => {
  test.each([
    undefined,
    null,
    '',
    'x'.repeat(31),
    {},
    { a: 'short' },
    { a: secret, b: 'x'.repeat(31) },
    { a: undefined },
  ])('does not start with the secret %j', (given) =>
    expect(() => jwt({ secret: given as never })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(/^secret: at least /) }),
    ),
  )

  test('counts the bytes of a secret and not its characters', () =>
    expect(() => jwt({ secret: 'é'.repeat(16) })).not.toThrow())

  test('imports a key once for all tokens', async () => {
    const importKey = vi.spyOn(crypto.subtle, 'importKey')
    const verify = jwt({ secret })
    expect(importKey).not.toHaveBeenCalled()
    const token = await mintToken(grant, { secret })
    importKey.mockClear()
    for (let i = 0; i < 3; i++) expect(await verify(token, request)).toMatchObject(grant)
    expect(importKey).toHaveBeenCalledTimes(1)
    importKey.mockRestore()
  })
})
