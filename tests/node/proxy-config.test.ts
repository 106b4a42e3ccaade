import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { readProxyConfig } from '../../src/node/proxy-config.ts'
import { proxySettings, shownSettings } from '../../src/node/proxy-settings.ts'
import { openSettings } from '../../src/node/settings.ts'
import { mintToken } from '../../src/server.ts'

const least = { ORQ_API_KEY: 'key', ORQ_TOKEN_SECRET: 's'.repeat(32) }
const read = (environment: Record<string, string | undefined>) =>
  readProxyConfig(openSettings({ flags: {}, environment: { ...least, ...environment } }))

test('key and secret are enough', () => {
  expect(read({})).toMatchObject({
    host: '0.0.0.0',
    port: 8787,
    adminHost: '127.0.0.1',
    adminPort: 8788,
    serverUrl: 'https://api.orq.ai',
    upstreamPath: '/v2/contacts',
    allowedOrigins: [],
    store: { kind: 'sqlite', path: expect.stringMatching(/^\/.*\/orq\.db$/) },
    basePath: '/orq',
    subjectLimit: 60,
    addressLimit: 60,
    concurrency: 64,
    trustedProxies: 0,
    logLevel: 'info',
  })
})

test('every setting is read', () => {
  expect(
    read({
      ORQ_SERVER_URL: 'http://127.0.0.1:1',
      ORQ_UPSTREAM_PATH: '/v2/identities',
      ORQ_ALLOWED_ORIGINS: 'https://a.example, https://b.example',
      ORQ_STORE: 'sqlite:/data/queue.db',
      ORQ_BASE_PATH: '/in/orq',
      ORQ_SUBJECT_LIMIT: '0',
      ORQ_ADDRESS_LIMIT: '7',
      ORQ_UPSTREAM_CONCURRENCY: '8',
      ORQ_TRUSTED_PROXIES: '2',
      ORQ_LOG_LEVEL: 'debug',
    }),
  ).toMatchObject({
    serverUrl: 'http://127.0.0.1:1',
    upstreamPath: '/v2/identities',
    allowedOrigins: ['https://a.example', 'https://b.example'],
    store: { kind: 'sqlite', path: '/data/queue.db' },
    basePath: '/in/orq',
    subjectLimit: 0,
    addressLimit: 7,
    concurrency: 8,
    trustedProxies: 2,
    logLevel: 'debug',
  })
})

test('a PostgreSQL is read with its settings', () => {
  const url = 'postgres://user:p%40ss@db.example/orq?sslmode=verify-full'
  const usual = { kind: 'postgres', url, schema: 'orq', poolSize: 4, timeoutMs: 5_000 }
  expect(read({ ORQ_STORE: url }).store).toEqual(usual)
  expect(read({ ORQ_STORE: 'postgresql:///orq?host=/run/postgresql' }).store).toMatchObject({ kind: 'postgres' })
  const given = { ORQ_STORE_SCHEMA: 'a_1', ORQ_STORE_POOL: '9', ORQ_STORE_TIMEOUT_MS: '800' }
  expect(read({ ORQ_STORE: url, ...given }).store).toEqual({ ...usual, schema: 'a_1', poolSize: 9, timeoutMs: 800 })
})

describe.each([
  ['ORQ_STORE_SCHEMA', 'Orq'],
  ['ORQ_STORE_SCHEMA', 'pg_orq'],
  ['ORQ_STORE_SCHEMA', 'a;b'],
  ['ORQ_STORE_POOL', '1'],
  ['ORQ_STORE_TIMEOUT_MS', '0'],
])('%s=%s', (name, value) => {
  test('is named', () => {
    expect(() => read({ ORQ_STORE: 'postgres://u@h/d', [name]: value })).toThrow(new RegExp(`^${name}: .*; `))
  })
})

describe('a wrong value is named, and no secret with it', () => {
  test.each<[string, string | undefined]>([
    ['ORQ_API_KEY', undefined],
    ['ORQ_API_KEY', 'CANARY with space'],
    ['ORQ_TOKEN_SECRET', 'CANARY'],
    ['ORQ_SERVER_URL', 'http://api.example'],
    ['ORQ_SERVER_URL', 'https://user:CANARY@api.example'],
    ['ORQ_UPSTREAM_PATH', 'v2/contacts'],
    ['ORQ_BASE_PATH', '/orq/'],
    ['ORQ_ALLOWED_ORIGINS', 'https://a.example/path'],
    ['ORQ_ALLOWED_ORIGINS', '*'],
    ['ORQ_STORE', 'postgres://user:CANARY@db'],
    ['ORQ_STORE', 'postgres://user:CANARY@[/orq'],
    ['ORQ_STORE', 'mysql://user:CANARY@db/orq'],
    ['ORQ_STORE', 'sqlite:'],
    ['ORQ_STORE', 'sqlite::memory:'],
    ['ORQ_SUBJECT_LIMIT', '-1'],
    ['ORQ_UPSTREAM_CONCURRENCY', '0'],
    ['ORQ_TRUSTED_PROXIES', 'all'],
    ['ORQ_LOG_LEVEL', 'trace'],
  ])('%s=%s', (name, value) => {
    let message = ''
    try {
      read({ [name]: value })
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toMatch(new RegExp(`^${name}: .*; `))
    expect(message).not.toMatch(/CANARY|\n/)
  })
})

describe('whose tokens count', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'orq-keys-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  const write = (content: unknown): string => {
    const path = join(folder, 'keys.json')
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const request = new Request('http://proxy.example')
  const provider = {
    ORQ_TOKEN_SECRET: undefined,
    ORQ_JWKS_URL: 'https://idp.example/keys',
    ORQ_TOKEN_ISSUER: 'https://idp.example',
    ORQ_TOKEN_AUDIENCE: 'app',
  }

  test('those of each secret of the list, with the audience and issuer that are set', async () => {
    const secrets = { a: 'a'.repeat(32), b: 'b'.repeat(32) }
    const { verify } = read({
      ORQ_TOKEN_SECRET: `a:${secrets.a},b:${secrets.b}`,
      ORQ_TOKEN_AUDIENCE: 'mine',
      ORQ_TOKEN_ISSUER: 'me',
    })
    for (const keyId of ['a', 'b'] as const) {
      const key = { secret: secrets[keyId], keyId }
      const good = await mintToken({ subject: 'u1', audience: 'mine', issuer: 'me' }, key)
      expect(await verify(good, request)).toMatchObject({ subject: 'u1' })
      expect(await verify(await mintToken({ subject: 'u1', issuer: 'me' }, key), request)).toBeUndefined()
      expect(await verify(await mintToken({ subject: 'u1', audience: 'mine' }, key), request)).toBeUndefined()
    }
  })

  test('those of a file of public keys', async () => {
    const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true })
    const path = write({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1' }] })
    const { verify } = read({ ORQ_TOKEN_SECRET: undefined, ORQ_TOKEN_KEYS: path })
    const jwk = { ...(await exportJWK(privateKey)), kid: 'k1' }
    expect(await verify(await mintToken({ subject: 'u1' }, { jwk }), request)).toMatchObject({ subject: 'u1' })
  })

  test('those of an identity provider, of which nothing is asked before the first token', () =>
    expect(read({ ...provider, ORQ_TOKEN_SUBJECT_CLAIM: 'uid', ORQ_TOKEN_FIELDS: 'email, tags' }).verify).toBeTypeOf(
      'function',
    ))

  test('those of an identity provider that were made for one of the authorized parties, whatever their audience', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const set = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] }
    const server = createServer((_, response) => void response.end(JSON.stringify(set)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { verify } = read({
      ...provider,
      ORQ_JWKS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ORQ_TOKEN_AUDIENCE: undefined,
      ORQ_TOKEN_AUTHORIZED_PARTIES: 'https://app.example, mobile',
    })
    const tokenWith = (claims: object): Promise<string> =>
      new SignJWT({ iss: provider.ORQ_TOKEN_ISSUER, sub: 'u1', ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey)
    for (const azp of ['https://app.example', 'mobile'])
      expect(await verify(await tokenWith({ azp }), request)).toMatchObject({ subject: 'u1' })
    for (const claims of [{ azp: 'other' }, { azp: 'https://app.example, mobile' }, {}, { aud: 'mobile' }])
      expect(await verify(await tokenWith(claims), request)).toBeUndefined()
  })

  test.each<[string, Record<string, string | undefined>, RegExp]>([
    ['none', { ORQ_TOKEN_SECRET: undefined }, /^ORQ_TOKEN_SECRET: is missing; .*openssl rand -base64 32$/],
    ['two', { ORQ_TOKEN_KEYS: 'keys.json' }, /^ORQ_TOKEN_KEYS: is given beside ORQ_TOKEN_SECRET; give exactly one/],
    ['two others', { ...provider, ORQ_TOKEN_KEYS: 'keys.json' }, /^ORQ_JWKS_URL: is given beside ORQ_TOKEN_KEYS; /],
    [
      'no file',
      { ORQ_TOKEN_SECRET: undefined, ORQ_TOKEN_KEYS: '/nowhere' },
      /^ORQ_TOKEN_KEYS: "\/nowhere" cannot be read; /,
    ],
    ['no issuer', { ...provider, ORQ_TOKEN_ISSUER: undefined }, /^ORQ_TOKEN_ISSUER: is missing; /],
    [
      'neither audience nor authorized parties',
      { ...provider, ORQ_TOKEN_AUDIENCE: undefined },
      /^ORQ_TOKEN_AUDIENCE: is missing; .*ORQ_TOKEN_AUTHORIZED_PARTIES$/,
    ],
    [
      'both of them',
      { ...provider, ORQ_TOKEN_AUTHORIZED_PARTIES: 'web' },
      /^ORQ_TOKEN_AUTHORIZED_PARTIES: is given beside ORQ_TOKEN_AUDIENCE; give exactly one/,
    ],
    [
      'a party that is empty',
      { ...provider, ORQ_TOKEN_AUDIENCE: undefined, ORQ_TOKEN_AUTHORIZED_PARTIES: 'web,' },
      /^ORQ_TOKEN_AUTHORIZED_PARTIES: "web," has an empty part; /,
    ],
    [
      'authorized parties of own tokens',
      { ORQ_TOKEN_AUTHORIZED_PARTIES: 'web' },
      /^ORQ_TOKEN_AUTHORIZED_PARTIES: says nothing beside /,
    ],
    ['plain http', { ...provider, ORQ_JWKS_URL: 'http://idp.example' }, /^ORQ_JWKS_URL: is not usable; .*https/],
    [
      'credentials',
      { ...provider, ORQ_JWKS_URL: 'https://a:CANARY@idp.example' },
      /^ORQ_JWKS_URL: holds credentials; /,
    ],
    ['an unknown field', { ...provider, ORQ_TOKEN_FIELDS: 'phone' }, /^ORQ_TOKEN_FIELDS: "phone" is no field; /],
    ['a claim for own tokens', { ORQ_TOKEN_SUBJECT_CLAIM: 'uid' }, /^ORQ_TOKEN_SUBJECT_CLAIM: says nothing beside /],
  ])('%s stops the start', (_, environment, expected) => {
    expect(() => read(environment)).toThrow(expected)
    expect(() => read(environment)).not.toThrow(/CANARY|\n/)
  })

  test.each([
    ['no JSON', '{', /^ORQ_TOKEN_KEYS: ".*keys.json" is no JSON; /],
    ['no set', '{"a":1}', /^ORQ_TOKEN_KEYS: is not usable; keys: a JWK set/],
    [
      'a private key',
      { keys: [{ kty: 'OKP', crv: 'Ed25519', d: 'CANARY' }] },
      /^ORQ_TOKEN_KEYS: is not usable; .*private/,
    ],
  ])('a file with %s stops the start', (_, content, expected) => {
    const environment = { ORQ_TOKEN_SECRET: undefined, ORQ_TOKEN_KEYS: write(content) }
    expect(() => read(environment)).toThrow(expected)
    expect(() => read(environment)).not.toThrow(/CANARY|\n/)
  })
})

describe('the settings that a log shows', () => {
  const shown = (environment: Record<string, string>) => shownSettings(openSettings({ flags: {}, environment }))

  test('are those in force, and never a secret', () => {
    const values = shown({ ...least, PORT: '1', ORQ_API_KEY: 'CANARY', ORQ_TOKEN_SECRET: 'CANARY' })
    expect(values).toMatchObject({ PORT: '1', HOST: '0.0.0.0', ORQ_STORE: 'sqlite:orq.db' })
    expect(Object.keys(values)).not.toContain('ORQ_ALLOWED_ORIGINS')
    expect(JSON.stringify(values)).not.toContain('CANARY')
  })

  test('have no default audience where authorized parties count in its place', () => {
    const values = shown({ ORQ_TOKEN_AUTHORIZED_PARTIES: 'web' })
    expect(values).toMatchObject({ ORQ_TOKEN_AUTHORIZED_PARTIES: 'web' })
    expect(values).not.toHaveProperty('ORQ_TOKEN_AUDIENCE')
    expect(shown({})).toMatchObject({ ORQ_TOKEN_AUDIENCE: 'orq-identify' })
  })

  test('hold no credentials of a URL', () =>
    expect(
      shown({
        ORQ_STORE: 'postgres://user:CANARY@db.example:5432/x?password=CANARY',
        ORQ_JWKS_URL: 'https://a.example/CANARY',
      }),
    ).toMatchObject({ ORQ_STORE: 'postgres://db.example:5432', ORQ_JWKS_URL: 'https://a.example' }))
})

test('a default in the table is the value in force', () => {
  const given = Object.fromEntries(
    proxySettings.flatMap(({ name, otherwise }) =>
      otherwise === undefined || /^ORQ_TOKEN_/.test(name) ? [] : [[name, otherwise]],
    ),
  )
  const { verify: _, ...config } = read(given)
  const { verify: __, ...defaults } = read({})
  expect(config).toEqual(defaults)
  expect(Object.keys(given).length).toBeGreaterThan(12)
})
