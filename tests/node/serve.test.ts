import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type ServeOptions, serve, sqlite } from '../../src/node.ts'
import { startUpstream } from '../upstream/server.ts'

const setUp = async (options: Partial<ServeOptions> = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-serve-'))
  const upstream = await startUpstream()
  const warnings: string[] = []
  const store = sqlite({ path: join(folder, 'orq.db') })
  const server = await serve({
    verify: (token) => (token.startsWith('good-') ? { subject: token.slice(5) } : undefined),
    upstream: { apiKey: 'key', serverUrl: upstream.url },
    store,
    host: '127.0.0.1',
    port: 0,
    adminPort: 0,
    warn: (message) => warnings.push(message),
    ...options,
  })
  onTestFinished(async () => {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const post = (who: string, headers: Record<string, string> = {}, token = `good-${who}`) =>
    fetch(`${server.url}/orq/v2/contacts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ external_id: who, email: 'a@b.c' }),
    })
  return { server, upstream, post, warnings, store }
}

test('an update goes through the pool to upstream, with no header but ours', async () => {
  const { upstream, post } = await setUp()
  const answer = await post('u1', { 'x-secret': '1', cookie: 'a=b' })
  expect([answer.status, await answer.json()]).toEqual([
    200,
    expect.objectContaining({ external_id: 'u1', status: 'delivered', _id: 'contact_01J9ZQ3F6Y7X8W5V4T3S2R1Q0P' }),
  ])
  expect(upstream.log()).toEqual(['POST /v2/contacts {"external_id":"u1","email":"a@b.c"}'])
  expect(Object.keys(upstream.received[0]?.headers ?? {}).sort()).toEqual([
    'accept',
    'authorization',
    'connection',
    'content-length',
    'content-type',
    'host',
  ])
})

test('a redirect is not followed, and of an endless answer the status decides', async () => {
  const { upstream, post } = await setUp()
  upstream.replies.push({ status: 302, headers: { location: 'http://127.0.0.1:9/' } })
  expect((await post('u1')).status).toBe(202)
  upstream.replies.push((response) => {
    response.writeHead(200)
    const more = (): void => {
      while (response.write('x'.repeat(65_536)));
      response.once('drain', more)
    }
    more()
  })
  expect((await post('u2')).status).toBe(200)
})

test('the admin listener tells life and readiness, and the main port life alone', async () => {
  const { server, store } = await setUp()
  const status = async (url: string): Promise<number> => (await fetch(url)).status
  expect(await status(`${server.adminUrl}/livez`)).toBe(200)
  expect(await status(`${server.adminUrl}/readyz`)).toBe(200)
  expect(await status(`${server.adminUrl}/orq/v2/contacts`)).toBe(404)
  expect(await status(`${server.url}/livez`)).toBe(200)
  expect(await status(`${server.url}/readyz`)).toBe(404)
  await store.close()
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  expect(await status(`${server.adminUrl}/readyz`)).toBe(503)
  expect(await status(`${server.adminUrl}/livez`)).toBe(200)
})

test('X-Forwarded-For counts for as many proxies as stand in front; unread, it is said once', async () => {
  const behind = await setUp({ trustedProxies: 1, addressLimit: 1 })
  const status = async (address: string): Promise<number> =>
    (await behind.post('u1', { 'x-forwarded-for': `1.2.3.4, ${address}` }, 'bad')).status
  expect([await status('192.0.2.1'), await status('192.0.2.1'), await status('192.0.2.2')]).toEqual([401, 429, 401])
  expect(behind.warnings).toEqual([])
  const alone = await setUp()
  for (let i = 0; i < 3; i++) await alone.post('u1', { 'x-forwarded-for': '1.2.3.4' })
  expect(alone.warnings).toEqual([expect.stringContaining('ORQ_TRUSTED_PROXIES')])
})

test('a port in use stops the start and leaves nothing open', async () => {
  const first = await setUp()
  const port = Number(new URL(first.server.url).port)
  await expect(setUp({ port })).rejects.toThrow(/^PORT: \d+ is in use/)
  await expect(setUp({ adminPort: port })).rejects.toThrow(/^ORQ_ADMIN_PORT: \d+ is in use/)
})
