import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { jwt, mintToken } from '../../src/server.ts'
import { secret, sign, signRaw } from './harness.ts'

const request = new Request('https://proxy.example/')
const verify = (options: Parameters<typeof jwt>[0], token: string) => jwt(options)(token, request)
const publicOf = ({ d: _, ...jwk }: JWK): JWK => jwk

let ed: JWK
let ec: JWK
let rsa: JWK
beforeAll(async () => {
  const make = async (alg: string, kid: string): Promise<JWK> => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true })
    return { ...(await exportJWK(privateKey)), kid }
  }
  ed = await make('EdDSA', 'ed')
  ec = await make('ES256', 'ec')
  rsa = await make('RS256', 'rsa')
})

describe('public keys in a JWK set', () => {
  test.each(['EdDSA', 'ES256'])('%s tokens that we minted are good', async (alg) => {
    const jwk = alg === 'EdDSA' ? ed : ec
    const keys = { keys: [publicOf(ed), publicOf(ec)] }
    const scope = await verify({ keys }, await mintToken({ subject: 'u1', fields: ['email'] }, { jwk }))
    expect(scope).toMatchObject({ subject: 'u1', fields: ['email'] })
  })

  test('J4: a key signs with its own algorithm only, whatever the header says', async () => {
    const keys = { keys: [publicOf(ed), publicOf(ec)] }
    const token = await mintToken({ subject: 'u1' }, { jwk: ec, keyId: 'ed' })
    expect(await verify({ keys }, token)).toBeUndefined()
  })

  test('J3: a public key as HMAC secret opens nothing', async () => {
    const keys = { keys: [publicOf(ed)] }
    const claims = JSON.stringify({
      sub: 'u1',
      aud: 'orq-identify',
      iat: Date.now() / 1000,
      exp: Date.now() / 1000 + 60,
    })
    for (const text of [JSON.stringify(publicOf(ed)), ed.x as string]) {
      const header = JSON.stringify({ alg: 'HS256', typ: 'orq-identify+jwt', kid: 'ed' })
      expect(await verify({ keys }, signRaw(header, claims, text))).toBeUndefined()
    }
  })

  test('J23: a token of a removed key is good no more', async () => {
    const token = await mintToken({ subject: 'u1' }, { jwk: ed })
    expect(await verify({ keys: { keys: [publicOf(ec)] } }, token)).toBeUndefined()
  })

  test.each([
    ['a private key', () => [ed], 'private'],
    ['an RSA key', () => [publicOf(rsa)], 'EdDSA'],
    ['an HMAC key', () => [{ kty: 'oct', k: 'AAAA', kid: 'o' }], 'EdDSA'],
    ['a key without kid', () => [{ ...publicOf(ed), kid: undefined }], 'kid'],
    ['two keys of one kid', () => [publicOf(ed), { ...publicOf(ec), kid: 'ed' }], 'kid'],
    ['no key', () => [], 'JWK set'],
  ])('%s stops the start with what to fix', (_, keys, hint) => {
    expect(() => jwt({ keys: { keys: keys() as JWK[] } })).toThrow(hint)
  })

  test('secret and keys together stop the start', () => {
    expect(() => jwt({ secret, keys: { keys: [publicOf(ed)] } })).toThrow('exactly one')
  })

  test('minting with a public key is refused before anything is signed', async () => {
    await expect(mintToken({ subject: 'u1' }, { jwk: publicOf(ed) })).rejects.toThrow('jwk')
  })
})

test('among several secrets each signs under its own kid', async () => {
  const now = Math.floor(Date.now() / 1000)
  const times = { iat: now, exp: now + 60 }
  const other = 'ANOTHER-SECRET-0123456789-0123456789'
  const secrets = { old: secret, new: other }
  expect(await verify({ secret: secrets }, sign(times, { kid: 'new' }, other))).toMatchObject({ subject: 'u1' })
  expect(await verify({ secret: secrets }, sign(times, { kid: 'old' }, other))).toBeUndefined()
})

test('J2: a token of our own form signed by RS256 is refused', async () => {
  const { privateKey } = await generateKeyPair('RS256')
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'RS256', typ: 'orq-identify+jwt', kid: 'default' })
    .sign(privateKey)
  expect(await verify({ secret }, token)).toBeUndefined()
})
