import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type RunningApp, startDevApp } from './dev-app.ts'

let app: RunningApp
beforeEach(async () => {
  app = await startDevApp()
})
afterEach(() => app.close())

const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
  const { status, text } = await app.ask('POST', path, { body: JSON.stringify(body), headers: { ...json, ...headers } })
  return { status, body: JSON.parse(text) }
}
const json = { 'Content-Type': 'application/json' }
const queue = async () => JSON.parse((await app.ask('GET', '/queue')).text)

/** An update as the page of somebody who is signed in sends it. */
const identify = async (id: string, contact: Record<string, unknown>, headers: Record<string, string> = {}) => {
  const cookie = await app.signIn(id)
  const { token } = JSON.parse((await app.ask('POST', '/token', { headers: { Cookie: cookie, ...headers } })).text)
  return post('/orq/v2/contacts', { external_id: id, ...contact }, { Authorization: `Bearer ${token}`, ...headers })
}

test('a page sees what waits, has it tried again, and drops it', async () => {
  expect(await queue()).toMatchObject({ keeping: 'memory', entries: [], has_more: false })
  expect(await post('/queue', { keeping: 'disk' })).toEqual({ status: 200, body: { keeping: 'disk' } })
  await post('/faults', { mode: 'refuse_tags' })
  expect((await identify('u1', { email: 'a@b.c', tags: ['x'] })).status).toBe(202)
  await expect.poll(queue).toMatchObject({
    keeping: 'disk',
    entries: [{ externalId: 'u1', state: 'parked', parked: { tags: { value: ['x'], reason: '422 refused' } } }],
  })
  const [{ id }] = (await queue()).entries
  expect(await post('/queue', { keeping: 'memory' })).toMatchObject({ status: 409, body: { code: 'queue_not_empty' } })
  expect(await post('/queue/retry', { id })).toEqual({ status: 200, body: { id } })
  await expect.poll(queue).toMatchObject({ entries: [{ state: 'parked' }] })
  expect((await post('/queue/drop', { id })).status).toBe(200)
  expect((await queue()).entries).toEqual([])
  expect((await post('/queue/drop', { id })).status).toBe(404)
})

describe.each(['/queue/retry', '/queue/drop'])('%s', (path) => {
  test.each([[{}], [null], [{ id: 1 }], [{ id: '' }], [{ id: 'a' }], [{ id: `${'a'.repeat(31)}%` }]])(
    'takes a whole id only: %j is 422',
    async (body) => expect((await post(path, body)).status).toBe(422),
  )

  test('of an id that nothing waits under is 404, also in memory', async () => {
    expect((await post(path, { id: 'a'.repeat(32) })).status).toBe(404)
    await post('/queue', { keeping: 'disk' })
    expect((await post(path, { id: 'a'.repeat(32) })).status).toBe(404)
  })

  test('is closed to other sites, and takes JSON only', async () => {
    const body = { id: 'a'.repeat(32) }
    for (const site of ['cross-site', 'same-site', 'none'])
      expect((await post(path, body, { 'Sec-Fetch-Site': site })).status).toBe(403)
    expect((await post(path, body, { 'Content-Type': 'text/plain' })).status).toBe(415)
  })
})

test.each([[{}], [null], [{ keeping: 'nowhere' }], [{ keeping: ['disk'] }]])(
  'there is no other store: %j is 422',
  async (body) => expect((await post('/queue', body)).status).toBe(422),
)

test('a body that is too large or no JSON is refused', async () => {
  expect((await post('/queue', { keeping: 'x'.repeat(1_000) })).status).toBe(413)
  expect((await app.ask('POST', '/queue', { body: '{', headers: json })).status).toBe(400)
})

// Vite's proxy writes the target's Host, others leave the app's own.
test.each([
  ['the app', 'localhost:5173'],
  ['this server', '127.0.0.1'],
])('an app whose dev server passes requests on with the Host of %s is served', async (_, host) => {
  const headers = { Host: host, Origin: 'http://localhost:5173', 'Sec-Fetch-Site': 'same-origin' }
  expect((await identify('u1', { display_name: 'U' }, headers)).status).toBe(200)
})

test('the live stream tells what the proxy and the API did with a request, and no secret', async () => {
  const leaving = new AbortController()
  const response = await fetch(`${app.url}/events`, { signal: leaving.signal })
  let seen = ''
  const reading = (async () => {
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) seen += text
  })().catch(() => {})
  const steps = (): unknown[] =>
    [...seen.matchAll(/event: step\ndata: (.+)\n\n/g)].map(([, data = '']) => JSON.parse(data))
  await identify('u1', { email: 'a@b.c' })
  await post('/orq/v2/contacts', { external_id: 'u1' })
  await expect.poll(steps).toMatchObject([
    { type: 'call', result: 'done', status: 200, externalId: 'u1' },
    { type: 'answered', status: 200, code: 'delivered', externalId: 'u1' },
    { type: 'answered', status: 401, code: 'token_missing' },
  ])
  await post('/queue', { keeping: 'disk' })
  await expect.poll(() => seen).toContain('event: keeping\ndata: {"keeping":"disk"}')
  for (const secret of ['the-api-key', 'Bearer', 'eyJ']) expect(seen).not.toContain(secret)
  leaving.abort()
  await reading
})
