import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heavy } from '../is-all.ts'
import { client, listed, strangers } from '../proxy/harness.ts'
import { pipeline, statusesIn } from './socket.ts'
import { body, good, head, path, startTarget, type Target, tokenWith } from './target.ts'

let target: Target
const overs: (() => void)[] = []
beforeAll(async () => {
  target = await startTarget({}, (task) => overs.push(task))
})
afterAll(() => {
  for (const over of overs.reverse()) over()
})

const headersOf = (answer: string): Map<string, string> =>
  new Map(
    (answer.split('\r\n\r\n')[0] as string)
      .split('\r\n')
      .slice(1)
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
const corsOf = (answer: string): Record<string, string> =>
  Object.fromEntries([...headersOf(answer)].filter(([name]) => name.startsWith('access-control-')))
const originLines = (origin: string | null, site: string | null): string[] => [
  ...(origin === null ? [] : [`Origin: ${origin}`]),
  ...(site === null ? [] : [`Sec-Fetch-Site: ${site}`]),
]
const preflight = (lines: string[]): string =>
  `${[`OPTIONS ${path} HTTP/1.1`, 'Host: a', 'Access-Control-Request-Method: POST', ...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`

describe('O0 a preflight of an origin that is not listed', () => {
  test.each<[string | null, string | null]>([
    ['https://other.example', 'cross-site'],
    ['https://other.example', 'same-origin'],
    ['null', null],
    [null, null],
  ])('%s with Sec-Fetch-Site %s is 403 without CORS headers', async (origin, site) => {
    const answer = await target.send(preflight(originLines(origin, site)))
    expect(statusesIn(answer)).toEqual([403])
    expect(corsOf(answer)).toEqual({})
  })
})

test('O1 a preflight of a listed origin is 204 with exactly what the route takes', async () => {
  const answer = await target.send(preflight(originLines(listed, 'cross-site')))
  expect(statusesIn(answer)).toEqual([204])
  expect(corsOf(answer)).toEqual({
    'access-control-allow-origin': listed,
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'authorization, content-type, orq-update-id',
    'access-control-max-age': '600',
    'access-control-expose-headers': 'Retry-After',
  })
  expect(headersOf(answer).get('vary')).toBe('Origin')
})

describe('O2 who may write', () => {
  test.each(
    [...strangers, null].flatMap((origin) => [null, 'same-site', 'cross-site', 'none'].map((site) => [origin, site])),
  )('Origin %s with Sec-Fetch-Site %s may only where both are absent', async (origin = null, site = null) => {
    const own = origin === null && site === null ? await startTarget() : target
    const answer = await own.send(good(originLines(origin, site)))
    expect({ statuses: statusesIn(answer), cors: corsOf(answer) }).toEqual({
      statuses: [own === target ? 403 : 200],
      cors: {},
    })
    target.expectUntouched()
  })

  test('a page of our own origin may, and gets no CORS headers; a listed one may, and gets its own', async () => {
    const own = await startTarget()
    for (const origin of [...strangers, null]) {
      const answer = await own.send(good(originLines(origin, 'same-origin')))
      expect({ statuses: statusesIn(answer), cors: corsOf(answer) }).toEqual({ statuses: [200], cors: {} })
    }
    for (const site of [null, 'same-origin', 'same-site', 'cross-site', 'none']) {
      const answer = await own.send(good(originLines(listed, site)))
      expect(statusesIn(answer)).toEqual([200])
      expect(corsOf(answer)['access-control-allow-origin']).toBe(listed)
    }
  })
})

test('O3 a preflight reflects nothing of what it asks for', async () => {
  const asked = ['Access-Control-Request-Headers: x-evil', 'Access-Control-Request-Private-Network: true']
  const answer = await target.send(preflight([`Origin: ${listed}`, ...asked]))
  expect(statusesIn(answer)).toEqual([204])
  expect(answer).not.toMatch(/evil|private/i)
})

test('O4 headers that would change URL, host or cache key change nothing', async () => {
  const own = await startTarget()
  const withoutDate = (answer: string): string => answer.replace(/^date:.*\r\n/im, '')
  await own.send(good())
  const plain = withoutDate(await own.send(good()))
  expect(statusesIn(plain)).toEqual([200])
  for (const line of [
    'Vary: X-Evil',
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Proto: ftp',
    'X-Original-URL: /evil',
    'X-Rewrite-URL: /evil',
    'X-HTTP-Method-Override: DELETE',
    'Forwarded: host=evil.example',
  ])
    expect(withoutDate(await own.send(good([line])))).toBe(plain)
})

describe('O5 no answer of the route may be kept by a shared cache or read with cookies', () => {
  const bare = good().replace(/Authorization: .*\r\n/, '')
  const withBody = (text: string, lines: string[] = []): string =>
    head([...lines, `Content-Length: ${Buffer.byteLength(text)}`, 'Connection: close']) + text

  test.each<[number, string]>([
    [204, preflight([`Origin: ${listed}`])],
    [400, withBody('{')],
    [400, good(['Orq-Update-Id: x'])],
    [401, bare],
    [403, withBody('{"external_id":"u2"}', [`Origin: ${listed}`])],
    [403, good(['Origin: https://other.example'])],
    [405, good([], `GET ${path} HTTP/1.1`)],
    [413, withBody(' '.repeat(32_001))],
    [415, good(['Content-Encoding: gzip'])],
    [422, withBody('{"external_id":"u1","role":1}', [`Origin: ${listed}`])],
  ])('%i', async (status, bytes) => {
    const answer = await target.send(bytes)
    expect(statusesIn(answer)).toEqual([status])
    const headers = headersOf(answer)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('vary')).toBe('Origin')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('access-control-allow-origin') ?? listed).toBe(listed)
    expect(headers.has('access-control-allow-credentials')).toBe(false)
    target.expectUntouched()
  })

  test('200, 202, 409 and 429', async () => {
    const own = await startTarget({ env: { ORQ_SUBJECT_LIMIT: '4' } })
    own.upstream.replies.push({ status: 500 })
    const answers = [
      await own.post('{"external_id":"u1","tags":["a"]}', { 'orq-update-id': `${client}.2`, origin: listed }),
      await own.post(body, { 'orq-update-id': `${client}.1`, origin: listed }),
    ]
    await expect.poll(() => own.upstream.received.length).toBe(2)
    answers.push(await own.post(), await own.post(), await own.post())
    expect(answers.map(({ status }) => status)).toEqual([202, 409, 200, 200, 429])
    for (const { headers } of answers) {
      expect([headers.get('cache-control'), headers.get('vary')]).toEqual(['no-store', 'Origin'])
      expect(headers.get('access-control-allow-origin')).not.toBe('*')
      expect(headers.has('access-control-allow-credentials')).toBe(false)
    }
  })
})

describe('O6 a token that pins an origin', () => {
  const pinned = (lines: string[]): string =>
    good(lines).replace(/Bearer .*\r\n/, `Bearer ${tokenWith({ origin: listed })}\r\n`)

  test.each<[string, string[]]>([
    ['another origin', ['Origin: https://other.example', 'Sec-Fetch-Site: same-origin']],
    ['our own page without Origin', ['Sec-Fetch-Site: same-origin']],
    ['no browser', []],
    ['another spelling', ['Origin: https://APP.example', 'Sec-Fetch-Site: same-origin']],
  ])('is no good from %s', async (_, lines) => {
    const answer = await target.send(pinned(lines))
    expect(statusesIn(answer)).toEqual([403])
    expect(answer).toContain('{"code":"origin_forbidden"}')
    target.expectUntouched()
  })

  test('is good from that origin', async () => {
    const own = await startTarget()
    expect(statusesIn(await own.send(pinned([`Origin: ${listed}`])))).toEqual([200])
  })
})

/** Requests for a pipeline. */
const request = (token: string, lines: string[] = [], text = body): string =>
  head([...lines, `Content-Length: ${text.length}`]).replace(/Bearer .*\r\n/, `Bearer ${token}\r\n`) + text

describe('O7 X-Forwarded-For', () => {
  const from = (addresses: string): string => request('bad', [`X-Forwarded-For: ${addresses}`])

  test('of thousands of values is read for the configured hop, and IPv6 by its first 64 bits', async () => {
    const own = await startTarget({ env: { ORQ_ADDRESS_LIMIT: '1', ORQ_TRUSTED_PROXIES: '1' } })
    const spoofed = '1,'.repeat(7_000)
    const asked = [
      from(`${spoofed}192.0.2.1`),
      from(`2,${spoofed}192.0.2.1`),
      from(`${spoofed}192.0.2.2`),
      from('2001:db8:0:1::1'),
      from('2001:db8:0:1:ffff::2'),
      from('2001:db8:0:2::1'),
    ]
    expect(await pipeline(own.port, asked)).toEqual([401, 429, 401, 401, 429, 401])
    expect(await pipeline(own.port, [from('1.1.1.1, '.repeat(10_000))])).toEqual([])
  })

  test('is not read where nobody stands in front, and one line says so', async () => {
    const own = await startTarget({ env: { ORQ_ADDRESS_LIMIT: '1' } })
    expect(await pipeline(own.port, [from('192.0.2.1'), from('192.0.2.2'), from('192.0.2.3')])).toEqual([401, 429, 429])
    own.proxy.kill('SIGTERM')
    await own.proxy.ended
    expect(own.proxy.output().match(/see ORQ_TRUSTED_PROXIES/g)).toHaveLength(1)
  })

  test(
    'of more addresses than are remembered lets the first one be forgotten; so it is with people',
    heavy,
    async () => {
      const own = await startTarget({
        env: { ORQ_ADDRESS_LIMIT: '1', ORQ_SUBJECT_LIMIT: '1', ORQ_TRUSTED_PROXIES: '1' },
      })
      const many = Array.from({ length: 10_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
      const person = (sub: string): string => request(tokenWith({ sub }), [], '{"external_id":"other"}')
      expect(await pipeline(own.port, [from('192.0.2.1'), from('192.0.2.1')])).toEqual([401, 429])
      expect(await pipeline(own.port, [person('first'), person('first')])).toEqual([403, 429])
      expect(new Set(await pipeline(own.port, many.map(from)))).toEqual(new Set([401]))
      expect(new Set(await pipeline(own.port, many.map(person)))).toEqual(new Set([403]))
      expect(await pipeline(own.port, [from('192.0.2.1'), person('first')])).toEqual([401, 403])
      // The latest are remembered still.
      expect(await pipeline(own.port, [from('10.0.39.15'), person('10.0.39.15')])).toEqual([429, 429])
    },
  )
})

test('O8 a thousand requests without a valid token are limited, and the valid ones of that address are not', async () => {
  const own = await startTarget({ env: { ORQ_ADDRESS_LIMIT: '60' } })
  const bad = Array.from({ length: 1_000 }, () => request('bad'))
  const valid = Array.from({ length: 100 }, (_, i) =>
    request(tokenWith({ sub: `u${i}` }), [], `{"external_id":"u${i}"}`),
  )
  const begin = performance.now()
  const [limited, taken] = await Promise.all([pipeline(own.port, bad), pipeline(own.port, valid)])
  const passed = limited.filter((status) => status === 401).length
  expect(new Set(limited)).toEqual(new Set([401, 429]))
  expect(passed).toBeGreaterThanOrEqual(60)
  expect(passed).toBeLessThanOrEqual(60 + (performance.now() - begin) / 1_000)
  for (const status of taken) expect([200, 202]).toContain(status)
  expect(taken).toHaveLength(100)
})

test('O9 four thousand people behind one address are not limited', async () => {
  const own = await startTarget({ env: { ORQ_ADDRESS_LIMIT: '60', ORQ_SUBJECT_LIMIT: '60' } })
  const people = Array.from({ length: 4_000 }, (_, i) =>
    request(tokenWith({ sub: `u${i}` }), [], `{"external_id":"u${i}"}`),
  )
  const statuses = await pipeline(own.port, people)
  expect(statuses).toHaveLength(4_000)
  expect(statuses.filter((status) => status !== 200 && status !== 202)).toEqual([])
  await expect.poll(() => new Set(own.upstream.received.map(({ body }) => body)).size, { timeout: 120_000 }).toBe(4_000)
})
