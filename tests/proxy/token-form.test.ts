import { generateKeyPairSync } from 'node:crypto'
import { CompactEncrypt, SignJWT } from 'jose'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { nodeHmac } from '../../src/node/hmac.ts'
import { jwt } from '../../src/server.ts'
import { fakeClock } from '../clock.ts'
import { otherThanThreeParts, skippedCharacters } from './bad-tokens.ts'
import { createWorld, expectRefused, goodClaims, goodHeader, secret, sign, signRaw, startMs } from './harness.ts'

const good = sign()
const [head = '', payload = '', signature = ''] = good.split('.')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

afterEach(() => vi.restoreAllMocks())

/** Signatures checked by WebCrypto, and by Node at once. */
const worlds = () =>
  [undefined, nodeHmac].map((hmac) => createWorld({ verify: jwt({ secret, hmac, clock: fakeClock(startMs) }) }))

const refuses = async (authorization: string): Promise<void> => {
  for (const world of worlds()) {
    const answer = await world.post(undefined, { authorization })
    expectRefused(world, answer, 'token_invalid')
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  }
}

test('J22: a good token is taken, its scheme in whatever case', async () => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    for (const world of worlds())
      expect((await world.post(undefined, { authorization: `${scheme} ${good}` })).status).toBe(200)
  }
})

describe('J1: an algorithm of none', () => {
  test.each(['none', 'None', 'nOnE', '', null, undefined])('%s is refused, though the signature is right', (alg) =>
    refuses(`Bearer ${sign({}, { alg })}`),
  )

  test.each(['none', 'None', 'nOnE', 'HS256'])('%s without a signature is refused', (alg) =>
    refuses(`Bearer ${sign({}, { alg }).split('.').slice(0, 2).join('.')}.`),
  )
})

describe('J2: an algorithm that is not the key’s', () => {
  test.each(['HS512', 'hs256', 'RS256', 'ES256', 256])('%s is refused, though the signature is right', (alg) =>
    refuses(`Bearer ${sign({}, { alg })}`),
  )

  test.each([
    ['HS512', () => new TextEncoder().encode(secret.repeat(2))],
    ['RS256', () => rsa.privateKey],
    ['ES256', () => ec.privateKey],
  ])('%s is refused with a signature of its own', async (alg, key) => {
    const token = await new SignJWT(goodClaims).setProtectedHeader({ ...goodHeader, alg }).sign(key())
    await refuses(`Bearer ${token}`)
  })
})

describe('J3: a public key as an HMAC secret', () => {
  test.each([
    ['RSA PEM', rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string],
    ['EC PEM', ec.publicKey.export({ type: 'spki', format: 'pem' }) as string],
    ['RSA JWK', JSON.stringify(rsa.publicKey.export({ format: 'jwk' }))],
    ['EC JWK', JSON.stringify(ec.publicKey.export({ format: 'jwk' }))],
    ['an empty secret', ''],
  ])('%s is refused', (_, key) => refuses(`Bearer ${sign({}, {}, key)}`))
})

describe('J5: a kid that is unknown or missing', () => {
  test.each([undefined, null, '', 'other', 'DEFAULT', ['default'], 1])('%j is refused', (kid) =>
    refuses(`Bearer ${sign({}, { kid })}`),
  )
})

describe('J15: a kid that is no name', () => {
  test.each(['../../etc/passwd', "' OR 1=1", '__proto__', 'constructor', 'toString', 'x'.repeat(2_000)])(
    '%j is refused',
    (kid) => refuses(`Bearer ${sign({}, { kid })}`),
  )
})

describe('J6: the signature', () => {
  test.each([
    ['one bit flipped', `${head}.${payload}.${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`],
    ['cut', `${head}.${payload}.${signature.slice(0, -4)}`],
    ['longer', `${head}.${payload}.${signature}AAAA`],
    ['empty', `${head}.${payload}.`],
    ['of another payload', `${head}.${sign({ sub: 'u2' }).split('.')[1]}.${signature}`],
    ['by another secret', sign({}, {}, 'another-secret-0123456789-0123456789')],
  ])('%s is refused', (_, token) => refuses(`Bearer ${token}`))
})

describe('J7: the type', () => {
  test.each([undefined, null, '', 'JWT', 'at+jwt', 'application/orq-identify+jwt', 'ORQ-IDENTIFY+JWT'])(
    '%s is refused, as of the login token that the same key signed',
    (typ) => refuses(`Bearer ${sign({}, { typ })}`),
  )
})

describe('J8: characters that one of two readers would skip', () => {
  test.each(skippedCharacters(good))('%s is refused', (_, token) => refuses(`Bearer ${token}`))
})

describe('J9: other than three parts', () => {
  test.each(otherThanThreeParts(good))('%s is refused', (_, token) => refuses(`Bearer ${token}`))

  test('encrypted, five parts, is refused', async () => {
    const token = await new CompactEncrypt(new TextEncoder().encode(JSON.stringify(goodClaims)))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(new Uint8Array(32))
    await refuses(`Bearer ${token}`)
  })
})

describe('J10: the length', () => {
  test.each([4_100, 1_000_000])('over 4096 bytes is refused before any cryptography: %i', async (length) => {
    const [verify, importKey] = [vi.spyOn(crypto.subtle, 'verify'), vi.spyOn(crypto.subtle, 'importKey')]
    await refuses(`Bearer ${sign({ pad: 'x'.repeat(length) })}`)
    expect(verify).not.toHaveBeenCalled()
    expect(importKey).not.toHaveBeenCalled()
  })

  test('of 4096 bytes is taken', async () => {
    const room = 4096 - sign({ pad: '' }).length
    const token = sign({ pad: 'x'.repeat(Math.floor((room * 3) / 4)) })
    expect(token.length).toBeGreaterThan(4090)
    expect(token.length).toBeLessThanOrEqual(4096)
    expect((await createWorld().post(undefined, bearer(token))).status).toBe(200)
  })
})

describe('J16: a header that names a key or an extension', () => {
  test.each([
    ['jku', 'https://evil.example/keys'],
    ['jwk', { kty: 'oct', k: 'AAAA' }],
    ['x5u', 'https://evil.example/cert'],
    ['x5c', ['AAAA']],
    ['x5t', 'AAAA'],
    ['crit', ['b64']],
    ['b64', false],
    ['zip', 'DEF'],
    ['p2c', 1],
    ['cty', 'JWT'],
    ['__proto__', {}],
  ])('%s is refused without any request', async (name, value) => {
    const outgoing = vi.spyOn(globalThis, 'fetch')
    const header = JSON.stringify(goodHeader).replace('}', `,"${name}":${JSON.stringify(value)}}`)
    await refuses(`Bearer ${signRaw(header, JSON.stringify(goodClaims))}`)
    expect(outgoing).not.toHaveBeenCalled()
  })
})

describe('J21: a token that stands elsewhere', () => {
  test.each([
    ['nowhere', {}],
    ['in a cookie', { cookie: `token=${good}` }],
    ['in another header', { 'x-authorization': `Bearer ${good}` }],
  ])('%s is token_missing', async (_, headers) => {
    const world = createWorld()
    expectRefused(world, await world.post(undefined, { authorization: null, ...headers }), 'token_missing')
  })
})

describe('J22: an Authorization header that is not one token', () => {
  test.each([
    ['two headers', `Bearer ${good}, Bearer ${good}`],
    ['two different ones', `Bearer ${good}, Bearer ${sign({ sub: 'u2' })}`],
    ['more spaces', `Bearer  ${good}`],
    ['a tab', `Bearer\t${good}`],
    ['no scheme', good],
    ['Basic', `Basic ${good}`],
    ['nothing after the scheme', 'Bearer'],
    ['an empty header', ''],
    ['something after it', `Bearer ${good} x`],
  ])('%s is token_invalid', (_, authorization) => refuses(authorization))
})
