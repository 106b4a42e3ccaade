import { generateKeyPairSync, sign as signBytes } from 'node:crypto'
import { CompactEncrypt } from 'jose'
import { describe, expect, test } from 'vitest'
import { jwks } from '../../src/server.ts'
import { fakeClock } from '../clock.ts'
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
const claimsWith = (text: string): string => `${JSON.stringify(goodClaims).slice(0, -1)},${text}}`

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
const [head = '', payload = '', signature = ''] = good.split('.')

test('a good one is taken, and claims that we do not know are ignored', async () => {
  for (const token of [good, signRaw(JSON.stringify(goodHeader), claimsWith('"scope":"all","sid":1'))])
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

/** The same bytes, but for the bits that the last character does not need. */
const withStrayBits = (part: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return part.slice(0, -1) + alphabet[alphabet.indexOf(part.at(-1) as string) + 1]
}

describe('J8: characters that one of two readers would skip', () => {
  test.each([
    ['padding', `${head}=.${payload}.${signature}`],
    ['padding at the end', `${good}==`],
    ['a space inside', `${head} .${payload}.${signature}`],
    ['a tab inside', `${head}.${payload}\t.${signature}`],
    ['a non-canonical end of the signature', `${head}.${payload}.${withStrayBits(signature)}`],
    ['the alphabet of plain base64', `${head}.${payload}.${signature.slice(0, -1)}+`],
    ['a length that no bytes have', `${head}.${payload}.${signature}AAA`],
  ])('%s is refused', (_, token) => refuses(token))
})

describe('J9: other than three parts', () => {
  test.each([
    ['two parts', `${head}.${payload}`],
    ['four parts', `${good}.AAAA`],
    ['one part', 'secret'],
    ['three empty parts', '..'],
    ['JSON', JSON.stringify({ payload, signatures: [{ protected: head, signature }] })],
  ])('%s is refused', (_, token) => refuses(token))

  test('encrypted, five parts, is refused', async () => {
    const token = await new CompactEncrypt(Buffer.from(JSON.stringify(goodClaims)))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: 'one' })
      .encrypt(new Uint8Array(32))
    await refuses(token)
  })
})

describe('J20: a payload that is no JSON object', () => {
  test.each<[string, string | Buffer]>([
    ['invalid UTF-8', Buffer.concat([Buffer.from(claimsWith('"x":"')), Buffer.from([0xff]), Buffer.from('"}')])],
    ['a list', JSON.stringify([goodClaims])],
    ['null', 'null'],
    ['a text', '"x"'],
    ['a BOM', `\ufeff${JSON.stringify(goodClaims)}`],
    ['no JSON', '{'],
    ['nothing', ''],
    // As many as 8 192 bytes hold, and as many as CASES names, which are too long by themselves.
    ['2 900 levels', claimsWith(`"x":${'['.repeat(2_900)}${']'.repeat(2_899)}`)],
    ['100 000 levels', claimsWith(`"x":${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
    ['a prototype that has the claims', `{"__proto__":${JSON.stringify(goodClaims)}}`],
  ])('%s is refused', (_, text) => refuses(signRaw(JSON.stringify(goodHeader), text)))

  test.each<[string, string]>([
    ['a list', JSON.stringify([goodHeader])],
    ['null', 'null'],
    ['a BOM', `\ufeff${JSON.stringify(goodHeader)}`],
    ['a prototype that has the parameters', `{"__proto__":${JSON.stringify(goodHeader)}}`],
  ])('a header of %s is refused', (_, text) => refuses(signRaw(text, JSON.stringify(goodClaims))))
})
