import { describe, expect, test } from 'vitest'
import { readProxyConfig } from '../../src/node/proxy-config.ts'
import { openSettings } from '../../src/node/settings.ts'

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
