import { generateKeyPairSync, sign as signBytes } from 'node:crypto'
import { CompactEncrypt } from 'jose'
import { describe, expect, test } from 'vitest'
import { jwks } from '../../src/server.ts'
import { fakeClock } from '../clock.ts'
import { badHeaders, badPayloads, claimsWith, otherThanThreeParts, skippedCharacters } from './bad-tokens.ts'
import { createWorld, expectRefused, nowSeconds, startMs } from './harness.ts'

/** An identity provider's token is looked at as strictly as one of our own: what is no plain, signed JWT is none. */
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const set = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'EdDSA', use: 'sig' }] }
const issuer = 'https://login.example/'
const goodHeader = { alg: 'EdDSA', kid: 'one' }
const goodClaims = { iss: issuer, aud: 'api', sub: 'u1', iat: nowSeconds, exp: nowSeconds + 300 }

const base64url = (text: string | Buffer): string => Buffer.from(text).toString('base64url')
/** Signs any two texts, however wrong they are. */
const signRaw = (header: string | Buffer, payload: string | Buffer): string => {
  const input = `${base64url(header)}.${base64url(payload)}`
  return `${input}.${signBytes(null, Buffer.from(input), privateKey).toString('base64url')}`
}
const signWith = (header: object): string =>
  signRaw(JSON.stringify({ ...goodHeader, ...header }), JSON.stringify(goodClaims))

const createProvided = () =>
  createWorld({
    verify: jwks({
      url: 'https://login.example/keys',
      issuer,
      audience: 'api',
      clock: fakeClock(startMs),
      fetch: async () => Response.json(set),
    }),
  })
const refuses = async (token: string): Promise<void> => {
  const world = createProvided()
  expectRefused(world, await world.post(undefined, { authorization: `Bearer ${token}` }), 'token_invalid')
}
const good = signWith({})

test('a good one is taken, and claims that we do not know are ignored', async () => {
  for (const token of [good, signRaw(JSON.stringify(goodHeader), claimsWith(goodClaims, '"scope":"all","sid":1'))])
    expect((await createProvided().post(undefined, { authorization: `Bearer ${token}` })).status).toBe(200)
})

describe('J1: an algorithm of none', () => {
  test.each(['none', 'None', 'nOnE', '', null])('%s is refused, though the signature is right', (alg) =>
    refuses(signWith({ alg })),
  )
  test.each(['none', 'None', 'nOnE', 'EdDSA'])('%s without a signature is refused', (alg) =>
    refuses(`${signWith({ alg }).split('.').slice(0, 2).join('.')}.`),
  )
})

describe('J8: characters that one of two readers would skip', () => {
  test.each(skippedCharacters(good))('%s is refused', (_, token) => refuses(token))
})

describe('J9: other than three parts', () => {
  test.each(otherThanThreeParts(good))('%s is refused', (_, token) => refuses(token))

  test('encrypted, five parts, is refused', async () => {
    const token = await new CompactEncrypt(Buffer.from(JSON.stringify(goodClaims)))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: 'one' })
      .encrypt(new Uint8Array(32))
    await refuses(token)
  })
})

describe('J20: a payload that is no JSON object', () => {
  test.each([
    // As many as 8 192 bytes hold, and as many as CASES names, which are too long by themselves.
    ...badPayloads(goodClaims, 2_900),
    ['100 000 levels', claimsWith(goodClaims, `"x":${'['.repeat(100_000)}${']'.repeat(100_000)}`)] as const,
  ])('%s is refused', (_, text) => refuses(signRaw(JSON.stringify(goodHeader), text)))

  test.each(badHeaders(goodHeader))('a header of %s is refused', (_, text) =>
    refuses(signRaw(text, JSON.stringify(goodClaims))),
  )
})
