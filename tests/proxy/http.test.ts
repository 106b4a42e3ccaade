import { request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { serve } from '@hono/node-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createProxy, jwt, mintToken } from '../../src/server.ts'
import { type Reply, startUpstream, type Upstream } from '../upstream/server.ts'
import { apiKey, client, contact, listed, secret } from './harness.ts'

const path = '/orq/v2/contacts'
const authorization = `Bearer ${await mintToken({ subject: 'u1' }, { secret })}`
const good = { authorization, 'content-type': 'application/json' }

interface Site {
  url: string
  port: number
  upstream: Upstream
}

/** The proxy behind Node's HTTP server, before an upstream on a socket of its own. */
const start = async (...replies: Reply[]): Promise<Site> => {
  const upstream = await startUpstream(...replies)
  const proxy = createProxy({
    verify: jwt({ secret }),
    upstream: { apiKey, serverUrl: upstream.url },
    allowedOrigins: [listed],
  })
  const server = serve({ fetch: (request) => proxy.fetch(request), hostname: '127.0.0.1', port: 0 }) as Server
  await new Promise<void>((resolve) => (server.listening ? resolve() : server.once('listening', resolve)))
  onTestFinished(async () => {
    server.close()
    server.closeAllConnections()
    await proxy.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}${path}`, port, upstream }
}

const post = (site: Site, body: unknown = contact, headers: object = {}): Promise<Response> =>
  fetch(site.url, { method: 'POST', headers: { ...good, ...headers }, body: JSON.stringify(body) })

/** Writes a request byte by byte as given and reads until the server closes or `isEnough`. */
const raw = (site: Site, text: string, more: (write: (text: string) => void, end: () => void) => void = () => {}) =>
  new Promise<string>((resolve) => {
    const socket = connect(site.port, '127.0.0.1', () => {
      socket.write(text)
      more(
        (chunk) => void (socket.writable && socket.write(chunk)),
        () => socket.end(),
      )
    })
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })

const head = (lines: string[], requestLine = `POST ${path} HTTP/1.1`): string =>
  `${[requestLine, 'Host: a', `Authorization: ${authorization}`, 'Content-Type: application/json', ...lines].join('\r\n')}\r\n\r\n`

describe('over HTTP', () => {
  test('an update is delivered once, and its repetition is not sent', async () => {
    const site = await start()
    const first = await post(site, contact, { 'orq-update-id': `${client}.1` })
    expect({ status: first.status, body: await first.json() }).toEqual({
      status: 200,
      body: {
        external_id: 'u1',
        status: 'delivered',
        _id: 'contact_01J9ZQ3F6Y7X8W5V4T3S2R1Q0P',
        updated: '2026-10-21T07:28:00.000Z',
      },
    })
    expect((await post(site, contact, { 'orq-update-id': `${client}.2` })).status).toBe(200)
    expect(site.upstream.received.map(({ json }) => json)).toEqual([contact])
    const late = await post(site, contact, { 'orq-update-id': `${client}.1` })
    expect({ status: late.status, body: await late.json() }).toEqual({
      status: 409,
      body: { code: 'superseded', number: 2 },
    })
  })

  test('S19: upstream gets exactly our headers, whatever the client sends', async () => {
    const site = await start()
    const answer = await post(site, contact, {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil.example',
      forwarded: 'for=6.6.6.6',
      cookie: 'session=CANARY',
      origin: listed,
      referer: 'https://app.example/CANARY',
      'x-secret': 'CANARY',
      'orq-update-id': `${client}.1`,
      'user-agent': 'CANARY',
      te: 'trailers',
    })
    expect(answer.status).toBe(200)
    const headers = site.upstream.received[0]?.headers as IncomingHttpHeaders
    expect(Object.keys(headers).sort()).toEqual([
      'accept',
      'accept-encoding',
      'accept-language',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
      'sec-fetch-mode',
      'user-agent',
    ])
    expect(headers.authorization).toBe(`Bearer ${apiKey}`)
    expect(headers['user-agent']).toBe('node')
  })

  test('S20: a redirect of upstream is not followed and takes no key along', async () => {
    const evil = await startUpstream()
    const site = await start({ status: 302, headers: { location: `${evil.url}/steal` } })
    const answer = await post(site)
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status: 503,
      body: { code: 'upstream_unavailable' },
    })
    expect(evil.received).toEqual([])
  })

  test('S21: an endless answer of upstream is left after 64 kB: the status decides', async () => {
    const site = await start((response) => {
      response.writeHead(200)
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384))) {}
      }
      response.on('drain', pour)
      pour()
    })
    expect(await (await post(site)).json()).toEqual({ external_id: 'u1', status: 'delivered' })
  })

  test.each([500, 401, 422])(
    'S22: no answer holds a word of what upstream says with %i, nor the key or a field',
    async (status) => {
      const canary = {
        status,
        body: { error: 'UPSTREAM-CANARY', got: apiKey },
        headers: { 'x-leak': 'UPSTREAM-CANARY' },
      }
      const answer = await post(await start(...Array(20).fill(canary)))
      const text = `${await answer.text()}${JSON.stringify([...answer.headers])}`
      expect(answer.status).toBeGreaterThanOrEqual(422)
      expect(text).not.toMatch(/CANARY/)
      expect(text).not.toContain(authorization.slice(7))
    },
  )
})

describe('on the socket', () => {
  const isRefused = async (
    site: Site,
    text: string,
    status: number,
    more?: Parameters<typeof raw>[2],
  ): Promise<string> => {
    const answer = await raw(site, text, more)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(site.upstream.received).toEqual([])
    return answer
  }

  test('T14: a chunked body without end is answered 413 soon after 32 kB, and the connection ends', async () => {
    const site = await start()
    const answer = await isRefused(site, head(['Transfer-Encoding: chunked']), 413, (write) =>
      write(`1000\r\n${' '.repeat(4096)}\r\n`.repeat(9)),
    )
    expect(answer).toContain('"code":"too_large"')
  })

  test('a length beyond the limit is answered 413 before the body comes', async () => {
    await isRefused(await start(), head(['Content-Length: 1000000']), 413)
  })

  test('T12: a body that ends before its length writes nothing', async () => {
    const site = await start()
    await raw(site, `${head(['Content-Length: 100'])}{"external_id":"u1"`, (_, end) => end())
    expect(site.upstream.received).toEqual([])
  })

  test('J22: of two Authorization headers none counts', async () => {
    const lines = ['Authorization: Bearer x', 'Content-Length: 20', 'Connection: close']
    await isRefused(await start(), `${head(lines)}{"external_id":"u1"}`, 401)
  })

  test.each([
    ['T6: two Host headers', head(['Host: evil.example', 'Content-Length: 20', 'Connection: close'])],
    [
      'T7: an absolute form',
      head(['Content-Length: 20', 'Connection: close'], `POST http://evil.example${path} HTTP/1.1`),
    ],
  ])('%s decides nothing', async (_, text) => {
    const site = await start()
    expect(await raw(site, `${text}{"external_id":"u1"}`)).toMatch(/^HTTP\/1.1 200 /)
    expect(site.upstream.received).toHaveLength(1)
  })

  test('T5: a Host that makes no URL is refused, though its characters are good', async () => {
    const text = head(['Content-Length: 20', 'Connection: close']).replace('Host: a', 'Host: proxy.0')
    expect(await isRefused(await start(), `${text}{"external_id":"u1"}`, 400)).toContain('"code":"bad_request"')
  })

  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD'])('T9: %s is answered 405 with Allow', async (method) => {
    const site = await start()
    const answer = await isRefused(site, head(['Connection: close'], `${method} ${path} HTTP/1.1`), 405)
    expect(answer).toMatch(/^allow: POST, OPTIONS\r$/im)
  })

  test('T11: chunk extensions are harmless', async () => {
    const site = await start()
    const chunk = '14;ext=x\r\n{"external_id":"u1"}\r\n0\r\n\r\n'
    expect(await raw(site, head(['Transfer-Encoding: chunked', 'Connection: close']) + chunk)).toMatch(
      /^HTTP\/1.1 200 /,
    )
  })

  test('a client that leaves in the middle of a body does not disturb the next one', async () => {
    const site = await start()
    const request = httpRequest(site.url, { method: 'POST', headers: { ...good, 'content-length': 1_000 } })
    request.on('error', () => {})
    request.write('{', () => request.destroy())
    await new Promise((resolve) => request.on('close', resolve))
    expect((await post(site)).status).toBe(200)
    expect(site.upstream.received).toHaveLength(1)
  })
})
