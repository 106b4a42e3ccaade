import { once } from 'node:events'
import { inspect } from 'node:util'
import { queryObjects } from 'node:v8'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Fetch } from '../../src/core/ports.ts'
import { createPooledFetch } from '../../src/node/pool.ts'
import { createUpstreamRequest } from '../../src/upstream/request.ts'
import { startUpstream, type Upstream } from './server.ts'

const apiKey = 'key-CANARY'
const requestTo = (upstream: Upstream, options = {}) =>
  createUpstreamRequest({ apiKey, serverUrl: upstream.url, ...options })

describe('what goes out', () => {
  test('has exactly our headers and those of the HTTP client', async () => {
    const upstream = await startUpstream()
    await requestTo(upstream)('POST', '/v2/contacts', { external_id: 'u1' })
    const [{ headers, method, path, body }] = upstream.received as [Upstream['received'][0]]
    expect({ method, path, body }).toEqual({ method: 'POST', path: '/v2/contacts', body: '{"external_id":"u1"}' })
    expect(headers).toEqual({
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      accept: 'application/json',
      // Node's own fetch:
      host: new URL(upstream.url).host,
      connection: 'keep-alive',
      'content-length': '20',
      'accept-encoding': expect.any(String),
      'accept-language': '*',
      'sec-fetch-mode': 'cors',
      'user-agent': 'node',
    })
  })

  test('goes through the given fetch as a URL text and an init, which a fetch of another library can read', async () => {
    const calls: unknown[][] = []
    const fetch: Fetch = async (...call) => {
      calls.push(call)
      return new Response('{}')
    }
    await createUpstreamRequest({ apiKey, fetch })('PATCH', '/v2/contacts/u1', { tags: [] })
    expect(calls).toEqual([
      [
        'https://api.orq.ai/v2/contacts/u1',
        {
          method: 'PATCH',
          headers: {
            authorization: `Bearer ${apiKey}`,
            'content-type': 'application/json',
            accept: 'application/json',
          },
          body: '{"tags":[]}',
          redirect: 'manual',
          signal: expect.any(AbortSignal),
        },
      ],
    ])
  })

  test('keeps the folder of the server and takes no second slash', async () => {
    const upstream = await startUpstream()
    await requestTo(upstream, { serverUrl: `${upstream.url}/gateway/` })('POST', '/v2/contacts', {})
    expect(upstream.received[0]?.path).toBe('/gateway/v2/contacts')
  })
})

const throughPool = (upstream: Upstream, options = {}) => {
  const { fetch, close } = createPooledFetch({ origin: upstream.url, connections: 2 })
  onTestFinished(() => close())
  return requestTo(upstream, { fetch, ...options })
}

test('a process that was stopped before its connection was there sends nothing when it wakes', async () => {
  const upstream = await startUpstream()
  const { fetch, close } = createPooledFetch({ origin: upstream.url, connections: 2 })
  onTestFinished(() => close())
  const send = () => fetch(`${upstream.url}/v2/contacts`, { method: 'POST', body: '{}' })
  const late = send()
  const { now } = performance
  const asleep = vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + 11_000)
  await expect(late).rejects.toThrow('too late')
  asleep.mockRestore()
  expect(upstream.received).toEqual([])
  expect((await send()).status).toBe(200)
})

describe.each([
  { name: 'the global fetch', request: requestTo },
  { name: 'a pool', request: throughPool },
])('with $name', ({ request }) => {
  describe('a redirect', () => {
    test.each([301, 302, 303, 307, 308])(
      '%i is an answer: it is not followed and its target gets no key',
      async (status) => {
        const target = await startUpstream()
        const upstream = await startUpstream({ status, headers: { location: `${target.url}/steal` } })
        expect((await request(upstream)('POST', '/v2/contacts', {})).status).toBe(status)
        expect(target.received).toEqual([])
      },
    )
  })

  describe('an answer', () => {
    test('without end is read up to 64 kB and then cancelled', async () => {
      let closed: Promise<unknown> | undefined
      const upstream = await startUpstream((response) => {
        closed = once(response, 'close')
        response.writeHead(200)
        const chunk = 'x'.repeat(16_384)
        const pour = (): void => {
          while (!response.destroyed && response.write(chunk)) {}
        }
        response.on('drain', pour)
        pour()
      })
      const { status, body } = await request(upstream)('POST', '/v2/contacts', {})
      expect({ status, length: body.length }).toEqual({ status: 200, length: 65_536 })
      await closed
    })

    test('that announces 1 GB is read up to 64 kB', async () => {
      const upstream = await startUpstream((response) => {
        response.writeHead(500, { 'content-length': 1_000_000_000 })
        response.write('x'.repeat(70_000))
      })
      const { status, body } = await request(upstream)('POST', '/v2/contacts', {})
      expect({ status, length: body.length }).toEqual({ status: 500, length: 65_536 })
    })

    test('that is cut short is none', async () => {
      const upstream = await startUpstream((response) => {
        response.writeHead(200, { 'content-length': 100 })
        response.write('{"_id"', () => response.destroy())
      })
      await expect(request(upstream)('POST', '/v2/contacts', {})).rejects.toThrow()
    })

    test('in the middle of a character is still text', async () => {
      const upstream = await startUpstream({ status: 200, body: `${'x'.repeat(65_535)}é` })
      const { body } = await request(upstream)('POST', '/v2/contacts', {})
      expect(body.slice(0, 65_535)).toBe('x'.repeat(65_535))
    })

    test('that has come leaves no timer behind, however long it might have taken', async () => {
      const once = createUpstreamRequest({ apiKey, fetch: async () => new Response('{}') })
      const timer = setTimeout(() => {})
      const timers = (): number => Number(queryObjects(timer.constructor, { format: 'count' }))
      const before = timers()
      for (let i = 0; i < 200; i++) await once('POST', '/v2/contacts', {}, new AbortController().signal)
      expect(timers() - before).toBeLessThan(100)
    })

    test('that does not come within timeoutMs ends the attempt', async () => {
      const upstream = await startUpstream(() => {})
      await expect(request(upstream, { timeoutMs: 30 })('POST', '/v2/contacts', {})).rejects.toThrow()
    })

    test('that stops in the middle ends the attempt too', async () => {
      const upstream = await startUpstream((response) => void response.writeHead(200).write('{'))
      await expect(request(upstream, { timeoutMs: 50 })('POST', '/v2/contacts', {})).rejects.toThrow()
    })

    test('is not waited for once the caller aborts', async () => {
      const aborter = new AbortController()
      const upstream = await startUpstream(() => aborter.abort(new Error('enough')))
      await expect(request(upstream)('POST', '/v2/contacts', {}, aborter.signal)).rejects.toThrow('enough')
    })
  })

  test('the error of a lost connection holds neither key nor body, however it is printed', async () => {
    const upstream = await startUpstream((response) => response.destroy())
    const error = await request(upstream)('POST', '/v2/contacts', { email: 'EMAIL-CANARY' }).catch((e) => e)
    expect(error).toBeInstanceOf(Error)
    expect(inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error)).not.toContain('CANARY')
  })
})

describe('a pool', () => {
  test('sends exactly our headers', async () => {
    const upstream = await startUpstream()
    await throughPool(upstream)('POST', '/v2/contacts', { external_id: 'u1' })
    const [{ headers, body }] = upstream.received as [Upstream['received'][0]]
    expect(body).toBe('{"external_id":"u1"}')
    expect(headers).toEqual({
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      accept: 'application/json',
      host: new URL(upstream.url).host,
      connection: 'keep-alive',
      'content-length': '20',
    })
  })

  test('gives the headers of an answer, which may come after an interim one and in pieces', async () => {
    const upstream = await startUpstream((response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' })
      response.writeHead(429, { 'retry-after': '7', 'set-cookie': ['a=1', 'b=2'] })
      response.write('{"a":')
      setImmediate(() => response.end('"é"}'))
    })
    const { status, headers, body } = await throughPool(upstream)('POST', '/v2/contacts', {})
    expect({ status, body, wait: headers.get('retry-after') }).toEqual({ status: 429, body: '{"a":"é"}', wait: '7' })
  })

  test('goes to its own server alone', async () => {
    const upstream = await startUpstream()
    const request = throughPool(upstream, { serverUrl: 'https://other.example' })
    await expect(request('POST', '/v2/contacts', {})).rejects.toThrow('another server')
  })

  test('starts nothing for who has given up, neither before nor while all connections are in use', async () => {
    const upstream = await startUpstream(...Array(2).fill(() => {}))
    const request = throughPool(upstream)
    const [first, late] = [new AbortController(), new AbortController()]
    const busy = [1, 2].map(() => request('POST', '/v2/contacts', {}, first.signal).catch(String))
    await expect.poll(() => upstream.received.length).toBe(2)
    const waiting = request('POST', '/v2/contacts', {}, late.signal)
    late.abort(new Error('given up'))
    await expect(waiting).rejects.toThrow('given up')
    await expect(request('POST', '/v2/contacts', {}, late.signal)).rejects.toThrow('given up')
    first.abort(new Error('enough'))
    expect(await Promise.all(busy)).toEqual(['Error: enough', 'Error: enough'])
    expect((await request('POST', '/v2/contacts', {})).status).toBe(200)
    expect(upstream.received).toHaveLength(3)
  })
})

describe('set-up refuses', () => {
  test.each([
    'http://api.orq.ai',
    'http://10.0.0.1',
    'http://localhost.evil.example',
    'http://api.localhost',
    'http://127.0.0.1.evil.example',
    'ftp://127.0.0.1',
    'file:///etc/passwd',
    'api.orq.ai',
    '',
    'https://user:pass@api.orq.ai',
    'https://api.orq.ai/?tenant=1',
    'https://api.orq.ai/#here',
  ])('serverUrl %s', (serverUrl) =>
    expect(() => createUpstreamRequest({ apiKey, serverUrl })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('serverUrl') }),
    ),
  )

  test.each([undefined, '', 'two words', 'break\r\nX-Evil: 1', 'schlüssel', ' padded'])('apiKey %j', (key) =>
    expect(() => createUpstreamRequest({ apiKey: key as string })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(/^apiKey: (?!.*schlüssel)/) }),
    ),
  )

  // Without its slash a path would be the end of another host's name, and the key would go there.
  test.each(['v2/contacts', '.evil.example/v2', '@evil.example/', '/v2/contacts/', '/v2?x=1', '/v2#x', '', '/a b'])(
    'path %j',
    (path) =>
      expect(() => createUpstreamRequest({ apiKey, path })).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('path') }),
      ),
  )

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('timeoutMs %d', (timeoutMs) =>
    expect(() => createUpstreamRequest({ apiKey, timeoutMs })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('timeoutMs') }),
    ),
  )
})

test.each([
  'https://api.orq.ai',
  new URL('https://eu.example/x'),
  'http://localhost:1',
  'http://[::1]:1',
  'http://127.9.9.9',
])('set-up takes serverUrl %s', (serverUrl) => expect(() => createUpstreamRequest({ apiKey, serverUrl })).not.toThrow())

test('one attempt is one request: what fails is not repeated here', async () => {
  const upstream = await startUpstream({ status: 503, headers: { 'retry-after': '1' } })
  onTestFinished(() => expect(upstream.received).toHaveLength(1))
  expect((await requestTo(upstream)('POST', '/v2/contacts', {})).status).toBe(503)
})
