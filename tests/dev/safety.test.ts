import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isOwnHost } from '../../src/dev/safety.ts'
import { type RunningApp, startDevApp } from './dev-app.ts'

let app: RunningApp
beforeAll(async () => {
  app = await startDevApp('dev.internal')
})
afterAll(() => app.close())

describe('the Host header', () => {
  test.each(['localhost', 'localhost:1', 'LOCALHOST', '127.0.0.1:8787', '127.1.2.3', '[::1]:80', 'dev.internal:9'])(
    '%s names this machine',
    async (host) => expect((await app.ask('GET', '/', { headers: { Host: host } })).status).toBe(200),
  )

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.localhost',
    '0.0.0.0',
    '10.0.0.1',
  ])('%s does not: 403 on every route', async (host) => {
    for (const path of ['/', '/contacts', '/events', '/orq/orq.js', '/orq/v2/contacts', '/v2/contacts'])
      expect((await app.ask('GET', path, { headers: { Host: host } })).status).toBe(403)
  })

  test('is compared as browsers write it', () => {
    expect(isOwnHost('[::2]:80', '::2')).toBe(true)
    for (const header of ['', 'a b', 'localhost@evil.example', 'localhost/x', ':80'])
      expect(isOwnHost(header, 'h')).toBe(false)
  })
})

const changing: [method: string, path: string, body: unknown][] = [
  ['POST', '/session', { external_id: 'u1' }],
  ['DELETE', '/session', undefined],
  ['POST', '/token', undefined],
  ['POST', '/faults', { mode: 'ok' }],
  ['POST', '/queue', { keeping: 'memory' }],
]

describe.each(changing)('%s %s', (method, path, body) => {
  test('is refused to pages of other sites and other origins', async () => {
    for (const site of ['cross-site', 'same-site', 'none', 'anything'])
      expect((await app.ask(method, path, { body, headers: { 'Sec-Fetch-Site': site } })).status).toBe(403)
  })

  test('is open to its own page, and to a program that sends no such header', async () => {
    expect((await app.ask(method, path, { body, headers: { 'Sec-Fetch-Site': 'same-origin' } })).status).toBeLessThan(
      300,
    )
    expect((await app.ask(method, path, { body })).status).toBeLessThan(300)
  })

  test('refuses what a form can send', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const reply = await app.ask(method, path, { body: '{}', headers: { 'Content-Type': type } })
      expect(reply.status).toBe(415)
    }
  })
})

test('the cookie is out of reach for scripts and other sites', async () => {
  const { headers } = await app.ask('POST', '/session', { body: { external_id: 'u1' } })
  expect(headers['set-cookie']).toEqual([
    expect.stringMatching(/^orq_dev=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/),
  ])
})

test('the page may load from its own origin only, nothing inline, in no frame', async () => {
  const { headers } = await app.ask('GET', '/')
  const policy = String(headers['content-security-policy'])
  expect(policy).toContain("default-src 'self'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toContain('unsafe')
  expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-cache' })
})

test.each(['/session', '/contacts', '/faults', '/queue', '/nowhere'])('%s is never stored by a cache', async (path) => {
  const { headers } = await app.ask('GET', path)
  expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
})

test('the API key is in nothing that a page gets', async () => {
  const cookie = await app.signIn('u1')
  for (const path of ['/', '/page.js', '/session', '/contacts', '/faults', '/queue', '/orq/orq.js']) {
    const { text, headers } = await app.ask('GET', path, { headers: { Cookie: cookie } })
    expect(text + JSON.stringify(headers)).not.toContain('the-api-key')
  }
})
