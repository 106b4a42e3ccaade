import { describe, expect, test } from 'vitest'
import { createProxy, jwt } from '../../src/server.ts'
import { apiKey, createWorld, expectRefused, listed, secret, sign, strangers, url } from './harness.ts'

type Headers = Record<string, string | null>
const corsOf = (headers: globalThis.Headers): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')))
const listedCors = { 'access-control-allow-origin': listed, 'access-control-expose-headers': 'Retry-After' }

describe('O2: the table of Origin and Sec-Fetch-Site', () => {
  test.each([null, 'same-origin', 'same-site', 'cross-site', 'none', 'SAME-ORIGIN'])(
    'a listed origin is taken with Sec-Fetch-Site %s',
    async (site) => {
      const answer = await createWorld().post(undefined, { origin: listed, 'sec-fetch-site': site })
      expect({ status: answer.status, cors: corsOf(answer.headers) }).toEqual({ status: 200, cors: listedCors })
    },
  )

  test.each([null, ...strangers])(
    'Origin %s with same-origin is our own page, without CORS headers',
    async (origin) => {
      const answer = await createWorld().post(undefined, { origin, 'sec-fetch-site': 'same-origin' })
      expect({ status: answer.status, cors: corsOf(answer.headers) }).toEqual({ status: 200, cors: {} })
    },
  )

  test('neither of them is no browser: the token decides', async () =>
    expect((await createWorld().post()).status).toBe(200))

  test.each(
    [...strangers, null].flatMap((origin) =>
      [null, 'same-site', 'cross-site', 'none', 'SAME-ORIGIN', ''].map((site): [string | null, string | null] => [
        origin,
        site,
      ]),
    ),
  )('Origin %s with Sec-Fetch-Site %s is refused before anything is written', async (origin, site) => {
    if (origin === null && site === null) return
    const world = createWorld()
    const answer = await world.post(undefined, { origin, 'sec-fetch-site': site })
    expectRefused(world, answer, 'origin_forbidden')
    expect(corsOf(answer.headers)).toEqual({})
  })
})

describe('a preflight', () => {
  const preflight = (headers: Headers, target = url) =>
    createWorld().send(
      new Request(target, {
        method: 'OPTIONS',
        headers: Object.entries({ 'access-control-request-method': 'POST', ...headers }) as [string, string][],
      }),
    )

  test('O1: from a listed origin is answered 204 with exactly what the route takes', async () => {
    const answer = await preflight({ origin: listed, 'sec-fetch-site': 'cross-site' })
    expect(answer.status).toBe(204)
    expect(Object.fromEntries(answer.headers)).toEqual({
      ...listedCors,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'authorization, content-type, orq-update-id',
      'access-control-max-age': '600',
      'cache-control': 'no-store',
      vary: 'Origin',
      'x-content-type-options': 'nosniff',
    })
  })

  test('O3: reflects nothing that it asks for', async () => {
    const asked = { 'access-control-request-headers': 'x-evil', 'access-control-request-method': 'DELETE' }
    const answer = await preflight({ origin: listed, ...asked })
    expect([...answer.headers].join()).not.toMatch(/evil|DELETE/)
  })

  test.each<Headers>([
    { origin: 'https://other.example' },
    { origin: 'null' },
    { origin: 'https://other.example', 'sec-fetch-site': 'same-origin' },
    {},
  ])('O0: from %j is 403 without CORS headers', async (headers) => {
    const answer = await preflight(headers)
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 403, body: { code: 'origin_forbidden' } })
    expect(corsOf(answer.headers)).toEqual({})
  })

  test('of another route is not answered as one of ours', async () => {
    const answer = await preflight({ origin: listed }, 'https://proxy.example/orq/v2/other')
    expect({ status: answer.status, cors: corsOf(answer.headers) }).toEqual({ status: 404, cors: listedCors })
  })
})

describe('an error', () => {
  test.each<[number, Headers, unknown]>([
    [401, { authorization: null }, undefined],
    [403, {}, { external_id: 'u2' }],
    [415, { 'content-type': 'text/plain' }, undefined],
    [400, {}, '{'],
    [413, {}, 'x'.repeat(32_001)],
    [422, {}, { external_id: 'u1', email: 'x' }],
  ])('%i to a listed origin carries the CORS headers, so that the page can read it', async (status, headers, body) => {
    const answer = await createWorld().post(body, { origin: listed, ...headers })
    expect({ status: answer.status, cors: corsOf(answer.headers) }).toEqual({ status, cors: listedCors })
  })

  test('503 to a listed origin lets the page read Retry-After', async () => {
    const world = createWorld({ replies: [new Error('down')] })
    const answer = await world.post(undefined, { origin: listed })
    expect({ status: answer.status, cors: corsOf(answer.headers) }).toEqual({ status: 503, cors: listedCors })
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
  })
})

test.each<Headers>([
  { vary: 'X-Evil' },
  { host: 'evil.example' },
  { 'x-forwarded-host': 'evil.example' },
  { 'x-original-url': '/evil' },
  { 'x-rewrite-url': '/evil' },
  { forwarded: 'host=evil.example' },
])('O4: %j changes nothing', async (headers) => {
  const world = createWorld()
  const plain = await createWorld().post()
  const answer = await world.post(undefined, headers)
  expect({ body: answer.body, headers: [...answer.headers] }).toEqual({ body: plain.body, headers: [...plain.headers] })
  expect(world.calls).toHaveLength(1)
})

describe('O6: a token that pins an origin', () => {
  const other = 'https://other.example'
  const authorization = `Bearer ${sign({ origin: listed })}`
  test.each<[number, Headers]>([
    [200, { origin: listed }],
    [200, { origin: listed, 'sec-fetch-site': 'same-origin' }],
    [403, { origin: other }],
    [403, { origin: other, 'sec-fetch-site': 'same-origin' }],
    [403, { 'sec-fetch-site': 'same-origin' }],
    [403, {}],
  ])('is answered %i from %j', async (status, headers) => {
    const world = createWorld({ allowedOrigins: [listed, other] })
    const answer = await world.post(undefined, { authorization, ...headers })
    if (status === 403) expectRefused(world, answer, 'origin_forbidden')
    else expect(answer.status).toBe(status)
  })
})

test.each(['app.example', 'https://app.example/', 'https://App.example', 'https://app.example:443', '*', 'null', ''])(
  'the list does not take %j, which no browser sends',
  (origin) =>
    expect(() =>
      createProxy({ verify: jwt({ secret }), upstream: { apiKey }, allowedOrigins: [listed, origin] }),
    ).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('allowedOrigins') })),
)
