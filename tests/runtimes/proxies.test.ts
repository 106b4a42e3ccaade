import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { serveSite } from '../browser/site.ts'
import { type Installed, installExamples } from '../examples/install.ts'
import { type StartedExample, startExample } from '../examples/start.ts'
import { heavy } from '../is-all.ts'
import { secret, tokenFor } from '../node/running-proxy.ts'
import { openUpstream, type Upstream } from '../upstream/server.ts'
import { startWorker } from './worker-process.ts'

const names = ['express', 'hono', 'bun', 'deno', 'cloudflare-worker']

// Needs the tools of tests/package.json, and installs what the examples name.
describe('createProxy', heavy, () => {
  let examples: Installed
  const closings: (() => void)[] = []
  beforeAll(() => {
    examples = installExamples(names)
  }, 300_000)
  afterAll(() => {
    for (const close of closings) close()
    examples?.remove()
  })

  describe.each(names)('in the example %s', (name) => {
    let upstream: Upstream
    let app: StartedExample
    beforeAll(async () => {
      upstream = await openUpstream([], (task) => closings.push(task))
      const env = { ORQ_API_KEY: 'the-key', ORQ_SERVER_URL: upstream.url, ORQ_TOKEN_SECRET: secret }
      const folder = examples.folder(name)
      app = await (name === 'cloudflare-worker' ? startWorker(folder, env) : startExample(folder, env))
    })
    afterAll(() => app?.stop())

    const post = async (body: string, headers: Record<string, string> = {}, signal: AbortSignal | null = null) => {
      const answer = await fetch(`${app.url}/orq/v2/contacts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'cf-connecting-ip': '192.0.2.1', ...headers },
        body,
        signal,
      })
      return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> }
    }
    const write = async (id: string, fields: object = {}, signal?: AbortSignal) =>
      post(JSON.stringify({ external_id: id, ...fields }), { authorization: `Bearer ${await tokenFor(id)}` }, signal)

    test('a contact is delivered with the key, which no answer shows', async () => {
      const { status, body } = await write('u1', { email: 'jane@example.com', metadata: { city: 'Łódź' } })
      expect([status, body]).toEqual([200, expect.objectContaining({ external_id: 'u1', status: 'delivered' })])
      expect(upstream.received.at(-1)?.json).toEqual({
        external_id: 'u1',
        email: 'jane@example.com',
        metadata: { city: 'Łódź' },
      })
      expect(upstream.received.at(-1)?.headers.authorization).toBe('Bearer the-key')
      expect(JSON.stringify(body)).not.toMatch(/jane|the-key/)
    })

    test('its own token route gives a token that it takes', async () => {
      const answer = await fetch(`${app.url}/token`, { method: 'POST' })
      // Express asks for a sign-in first.
      if (name === 'express') return expect(answer.status).toBe(204)
      const { token } = (await answer.json()) as { token: string }
      expect(answer.headers.get('cache-control')).toBe('no-store')
      const { status } = await post('{"external_id":"user_1"}', { authorization: `Bearer ${token}` })
      expect(status).toBe(200)
    })

    test('origin, token, scope, size and syntax are checked as anywhere', async () => {
      const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
      const token = { authorization: `Bearer ${await tokenFor('u2')}` }
      const before = upstream.received.length
      const codes = [
        await post('{"external_id":"u2"}', { ...token, ...foreign }),
        await post('{"external_id":"u2"}'),
        await post('{"external_id":"u3"}', token),
        await post(JSON.stringify({ external_id: 'u2', metadata: { long: 'x'.repeat(32_000) } }), token),
        await post('{', token),
      ].map(({ body }) => body['code'])
      expect(codes).toEqual(['origin_forbidden', 'token_missing', 'scope_mismatch', 'too_large', 'bad_json'])
      expect(upstream.received.length).toBe(before)
    })

    test('an upstream that fails is a 503, and the page sends again', async () => {
      upstream.replies.push({ status: 500 })
      const { status, headers, body } = await write('u4', { email: 'a@example.com' })
      expect([status, body['code']]).toEqual([503, 'upstream_unavailable'])
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
      await expect.poll(async () => (await write('u4', { email: 'a@example.com' })).status).toBe(200)
      expect(upstream.received.at(-1)?.json).toEqual({ external_id: 'u4', email: 'a@example.com' })
    })

    test('updates of one contact at the same moment are all answered, the latest value last', async () => {
      // The first call is slow, so that the others come while it is on the wire.
      upstream.replies.push((response, { json }) => {
        setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(json)), 300)
      })
      const first = write('u5', { display_name: 'a' })
      await expect.poll(() => upstream.received.at(-1)?.json['external_id']).toBe('u5')
      const rest = [write('u5', { display_name: 'b' }), write('u5', { tags: ['c'] })]
      const statuses = (await Promise.all([first, ...rest])).map(({ status }) => status)
      expect(statuses).toEqual([200, 200, 200])
      // In one call where both came while the first was on the wire, else in two.
      const fields = upstream.received.filter(({ json }) => json['external_id'] === 'u5').map(({ json }) => json)
      expect(Object.assign({}, ...fields)).toEqual({ external_id: 'u5', display_name: 'b', tags: ['c'] })
    })

    test('a page that leaves before its answer leaves the contact free for the next', async () => {
      upstream.replies.push((response, { json }) => {
        setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(json)), 300)
      })
      const leaving = new AbortController()
      const left = write('u7', { display_name: 'a' }, leaving.signal).catch(() => 'left')
      await expect.poll(() => upstream.received.at(-1)?.json['external_id']).toBe('u7')
      leaving.abort()
      expect(await left).toBe('left')
      expect((await write('u7', { tags: ['b'] })).status).toBe(200)
      const fields = upstream.received.filter(({ json }) => json['external_id'] === 'u7').map(({ json }) => json)
      expect(Object.assign({}, ...fields)).toEqual({ external_id: 'u7', display_name: 'a', tags: ['b'] })
    })

    // Last: it uses up the address.
    test('requests without a token are counted by their address', async () => {
      const codes = new Set<unknown>()
      // It has 60, and one more for each second that they take.
      for (let n = 0; n < 200 && !codes.has('rate_limited'); n++) codes.add((await post('{}')).body['code'])
      expect([...codes]).toEqual(['token_missing', 'rate_limited'])
      expect((await write('u6')).status).toBe(200)
    })
  })

  test('in a Worker takes the tokens of an identity provider', async () => {
    const upstream = await openUpstream([], onTestFinished)
    const { publicKey, privateKey } = await generateKeyPair('RS256')
    const key = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }
    const provider = await serveSite((_, response) => void response.end(JSON.stringify({ keys: [key] })))
    onTestFinished(() => provider.close())
    const folder = examples.folder('cloudflare-worker')
    copyFileSync(new URL('jwks-worker.mjs', import.meta.url), join(folder, 'jwks-worker.mjs'))
    const env = { JWKS_URL: provider.url, ORQ_SERVER_URL: upstream.url }
    const app = await startWorker(folder, env, 'jwks-worker.mjs')
    onTestFinished(() => app.stop())
    const token = await new SignJWT({ sub: 'u1', iss: 'https://idp.example', aud: 'app' })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey)
    const answer = await fetch(`${app.url}/orq/v2/contacts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: '{"external_id":"u1"}',
    })
    expect([answer.status, upstream.received.map(({ json }) => json)]).toEqual([200, [{ external_id: 'u1' }]])
  })
})
