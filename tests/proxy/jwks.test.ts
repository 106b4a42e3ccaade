import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createProxy, type JwksOptions, jwks, type ProxyEvent, type Verify } from '../../src/server.ts'
import { type FakeClock, fakeClock } from '../clock.ts'

const issuer = 'https://login.example/'
const startSeconds = 1_800_000_000

/** An identity provider: keys that it has, the set that it shows, and how it answers. */
const startProvider = async () => {
  const state = {
    fetches: 0,
    isDown: false,
    body: undefined as string | undefined,
    location: undefined as string | undefined,
  }
  const shown: JWK[] = []
  const signers = new Map<string, { alg: string; key: CryptoKey }>()
  const server: Server = createServer((_, response) => {
    state.fetches++
    if (state.isDown) return void response.destroy()
    if (state.location) return void response.writeHead(302, { location: state.location }).end()
    response.end(state.body ?? JSON.stringify({ keys: shown }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const add = async (kid: string, alg: string): Promise<void> => {
    const { publicKey, privateKey } = await generateKeyPair(alg)
    signers.set(kid, { alg, key: privateKey })
    shown.push({ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' })
  }
  const sign = (kid: string, claims: object = {}, header: object = {}): Promise<string> => {
    const { alg, key } = signers.get(kid)!
    return new SignJWT({ iss: issuer, aud: 'api', sub: 'u1', iat: startSeconds, exp: startSeconds + 3600, ...claims })
      .setProtectedHeader({ alg, kid, ...header })
      .sign(key)
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`, server, state, shown, add, sign }
}

let provider: Awaited<ReturnType<typeof startProvider>>
let clock: FakeClock
beforeEach(async () => {
  provider = await startProvider()
  clock = fakeClock(startSeconds * 1000)
  await provider.add('one', 'RS256')
})
afterEach(() => new Promise((resolve) => provider.server.close(resolve)))

const make = (options: Partial<JwksOptions> = {}): Verify =>
  jwks({ url: provider.url, issuer, audience: 'api', clock, ...options })
const request = new Request('https://proxy.example/')
const check = async (token: string | Promise<string>, verify = make()) => verify(await token, request)

describe('an identity provider’s token', () => {
  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'])(
    'signed by %s, as the key says, speaks for its subject',
    async (alg) => {
      await provider.add(alg, alg)
      expect(await check(provider.sign(alg))).toEqual({ subject: 'u1', issuedAt: startSeconds, fields: undefined })
    },
  )

  test('J18: may name the person in another claim, and be limited to fields by the setting alone', async () => {
    const token = provider.sign('one', { uid: 'u7', fields: ['tags'], origin: 'https://other.example' })
    const verify = make({ subjectClaim: 'uid', fields: ['email'] })
    expect(await check(token, verify)).toEqual({ subject: 'u7', issuedAt: startSeconds, fields: ['email'] })
  })

  test('may say who asked for it in azp instead of an audience', async () => {
    const verify = make({ audience: undefined, authorizedParties: ['web'] })
    expect(await check(provider.sign('one', { azp: 'web', aud: undefined }), verify)).toMatchObject({ subject: 'u1' })
    expect(await check(provider.sign('one', { azp: 'evil' }), verify)).toBeUndefined()
  })

  test('J16: with jku, x5u and typ in its header is read by our own keys alone', async () => {
    const header = { jku: 'http://127.0.0.1:1/', x5u: 'http://127.0.0.1:1/', typ: 'at+jwt' }
    expect(await check(provider.sign('one', {}, header))).toMatchObject({ subject: 'u1' })
  })

  test.each([
    ['J12', 'another issuer', { iss: 'https://evil.example/' }],
    ['J11', 'another audience', { aud: ['other'] }],
    ['J11', 'no audience', { aud: undefined }],
    ['J13', 'no time of issue', { iat: undefined }],
    ['J13', 'no expiry', { exp: undefined }],
    ['J14', 'a time of issue in the future', { iat: startSeconds + 60 }],
    ['J13', 'an age over a day', { iat: startSeconds - 86_401 }],
    ['J14', 'a start in the future', { nbf: startSeconds + 60 }],
    ['J17', 'a subject that is a number', { sub: 5 }],
    ['J17', 'no subject', { sub: undefined }],
  ])('%s: with %s is refused', async (_, __, claims) => {
    expect(await check(provider.sign('one', claims))).toBeUndefined()
  })

  test('J13: that has expired says so', async () => {
    expect(await check(provider.sign('one', { exp: startSeconds - 31 }))).toBe('expired')
    expect(await check(provider.sign('one', { exp: startSeconds - 10 }))).toMatchObject({ subject: 'u1' })
  })

  test('J10: of over 8192 bytes is refused before any cryptography', async () => {
    expect(await check(provider.sign('one', { text: 'x'.repeat(8192) }))).toBeUndefined()
    expect(provider.state.fetches).toBe(0)
  })

  test('J4: under another algorithm than its key’s is refused', async () => {
    await provider.add('two', 'PS256')
    provider.shown.find(({ kid }) => kid === 'two')!.alg = 'RS256'
    expect(await check(provider.sign('two'))).toBeUndefined()
  })

  test('J2: by a symmetric key of the set is refused', async () => {
    provider.shown.push({ kty: 'oct', kid: 'mac', k: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA', alg: 'HS256' })
    const token = await new SignJWT({ iss: issuer, aud: 'api', sub: 'u1', iat: startSeconds, exp: startSeconds + 60 })
      .setProtectedHeader({ alg: 'HS256', kid: 'mac' })
      .sign(new TextEncoder().encode('secret-secret-secret-secret-secret'))
    expect(await check(token)).toBeUndefined()
  })
})

describe('the provider’s keys', () => {
  test('are fetched once for all tokens that come together', async () => {
    const verify = make()
    const tokens = await Promise.all(Array.from({ length: 20 }, () => provider.sign('one')))
    const scopes = await Promise.all(tokens.map((token) => verify(token, request)))
    expect(scopes.every((scope) => typeof scope === 'object')).toBe(true)
    expect(provider.state.fetches).toBe(1)
  })

  test('J5: are fetched at most once in 30 s for unknown ones', async () => {
    const verify = make()
    const forged = await provider.sign('one', {}, { kid: 'nobody' })
    for (let n = 0; n < 10; n++) expect(await verify(forged, request)).toBeUndefined()
    expect(provider.state.fetches).toBe(1)
    await provider.add('new', 'EdDSA')
    await clock.advance(30_000)
    expect(await check(provider.sign('new'), verify)).toMatchObject({ subject: 'u1' })
    expect(provider.state.fetches).toBe(2)
  })

  test('that are known go on while the provider is down', async () => {
    const verify = make()
    await check(provider.sign('one'), verify)
    provider.state.isDown = true
    await clock.advance(3_600_000)
    expect(await check(provider.sign('one', { exp: startSeconds + 9_000 }), verify)).toMatchObject({ subject: 'u1' })
  })

  test.each([
    ['a redirect', { location: 'http://127.0.0.1:1/keys' }],
    ['over 64 kB', { body: JSON.stringify({ keys: [], text: 'x'.repeat(70_000) }) }],
    ['HTML', { body: '<!doctype html>' }],
    ['an end of the connection', { isDown: true }],
  ])('are not taken from %s: then nobody can tell, and 3 s later they are asked for again', async (_, answer) => {
    const before = { ...provider.state }
    Object.assign(provider.state, answer)
    const verify = make()
    for (let n = 0; n < 5; n++)
      await expect(check(provider.sign('one'), verify)).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(provider.state.fetches).toBe(1)
    Object.assign(provider.state, before)
    await clock.advance(3_000)
    expect(await check(provider.sign('one'), verify)).toMatchObject({ subject: 'u1' })
  })

  test('that cannot be read make the answer 503, which counts for nobody, and an alarm', async () => {
    provider.state.isDown = true
    const events: ProxyEvent[] = []
    const proxy = createProxy({
      verify: make(),
      upstream: { apiKey: 'key', serverUrl: 'http://127.0.0.1:9' },
      addressLimit: 1,
      clock,
      onEvent: (event) => events.push(event),
    })
    for (let n = 0; n < 3; n++) {
      const headers = { authorization: `Bearer ${await provider.sign('one')}`, 'content-type': 'application/json' }
      const asked = new Request('https://a.example/orq/v2/contacts', { method: 'POST', headers, body: '{}' })
      const answer = await proxy.fetch(asked, { address: '192.0.2.1' })
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '3'])
    }
    expect(events.map(({ type }) => type).slice(0, 2)).toEqual(['unverifiable', 'answered'])
    await proxy.close()
  })
})

test.each([
  ['url', { url: 'http://login.example/keys' }],
  ['url', { url: 'nothing' }],
  ['issuer', { issuer: '' }],
  ['audience', { audience: undefined }],
  ['audience', { authorizedParties: ['web'] }],
])('a wrong %s stops the start: %o', (name, options) => {
  expect(() => make(options)).toThrow(name)
})
