import { createHmac } from 'node:crypto'
import { expect } from 'vitest'
import { statusOf } from '../../src/core/wire.ts'
import { createProxy, jwt, memory, type ProxyOptions, type Store, type Update } from '../../src/server.ts'
import { type FakeClock, fakeClock } from '../clock.ts'

export const secret = 'SECRET-CANARY-0123456789-0123456789'
export const apiKey = 'KEY-CANARY'
export const listed = 'https://app.example'

/** Values of `Origin` that are not the listed one, byte for byte. */
export const strangers = [
  'null',
  'https://other.example',
  'https://app.example.evil',
  'https://evilapp.example',
  'http://app.example',
  'https://app.example:8443',
  'https://app.example:443',
  'https://app.example/',
  'HTTPS://APP.EXAMPLE',
  'https://APP.example',
  'https://app.example, https://app.example',
  'https://sub.app.example',
  '',
]
export const startMs = 1_800_000_000_000
export const nowSeconds = startMs / 1000
export const url = 'https://proxy.example/orq/v2/contacts'
export const client = 'client-0123456789'
/** Personal data in every field that can hold some: no answer may contain any of it. */
export const contact = {
  external_id: 'u1',
  display_name: 'CANARY Lovelace',
  email: 'CANARY@example.com',
  avatar_url: 'https://example.com/CANARY.png',
  tags: ['CANARY'],
  metadata: { plan: 'CANARY' },
}

const base64url = (text: string | Buffer): string => Buffer.from(text).toString('base64url')

export const goodHeader = { alg: 'HS256', typ: 'orq-identify+jwt', kid: 'default' }
export const goodClaims = { sub: 'u1', aud: 'orq-identify', iat: nowSeconds, exp: nowSeconds + 300 }

/** Signs any two texts, however wrong they are. */
export const signRaw = (header: string | Buffer, payload: string | Buffer, key: string = secret): string => {
  const input = `${base64url(header)}.${base64url(payload)}`
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
}

/** A good token, but for what is given. `undefined` leaves a claim out. */
export const sign = (claims: object = {}, header: object = {}, key: string = secret): string =>
  signRaw(JSON.stringify({ ...goodHeader, ...header }), JSON.stringify({ ...goodClaims, ...claims }), key)

/** Without cryptography, whose threads no fake clock waits for. */
export const trusting = { verify: () => ({ subject: 'u1' }) }

export interface Call {
  method: string
  path: string
  body: Record<string, unknown>
  signal: AbortSignal
}

export type Reply = Response | Error | 'hang' | ((call: Call) => Response | Promise<Response>)

export const reply = (status: number, body: string | object = 'UPSTREAM-CANARY', headers = {}): Response =>
  new Response(typeof body === 'string' ? body || null : JSON.stringify(body), { status, headers })

export interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

export interface World {
  clock: FakeClock
  /** What reached upstream, in order. */
  calls: Call[]
  /** Upstream's answers in the order of requests; a created contact when empty. */
  replies: Reply[]
  /** What was handed to the store, whatever became of it. */
  puts: Update[]
  proxy: ReturnType<typeof createProxy>
  /** Sends a request and checks of its answer what holds of every answer. */
  send(request: Request): Promise<Answer>
  /** Posts a body as JSON (a text or bytes as they are) with a good token, but for the headers given; null leaves one out. */
  post(body?: unknown, headers?: Record<string, string | null>): Promise<Answer>
}

const fail = (call: Call): Promise<Response> =>
  new Promise((_, reject) => call.signal.addEventListener('abort', () => reject(call.signal.reason)))

/** Headers of every answer, and nothing of what must stay here. */
const checkAnswer = async (response: Response, token: string | null): Promise<Answer> => {
  const text = await response.text()
  const everything = `${text}\n${[...response.headers].join('\n')}`
  expect(everything).not.toContain('CANARY')
  if (token) expect(everything).not.toContain(token)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'cache-control': 'no-store',
    vary: 'Origin',
    'x-content-type-options': 'nosniff',
  })
  expect(response.headers.has('access-control-allow-credentials')).toBe(false)
  expect(response.headers.get('access-control-allow-origin')).not.toBe('*')
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : {} }
}

export const requestFor = (body: unknown, headers: Record<string, string | null> = {}): Request => {
  const all = { authorization: `Bearer ${sign()}`, 'content-type': 'application/json', ...headers }
  const isRaw = typeof body === 'string' || body instanceof Uint8Array || body instanceof ReadableStream
  return new Request(url, {
    method: 'POST',
    headers: Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== null),
    body: isRaw ? (body as BodyInit) : JSON.stringify(body),
    duplex: 'half',
  } as RequestInit)
}

/** The proxy with a clock that moves only when told, a store that is watched, and an upstream that answers as told. */
export const createWorld = (options: Partial<ProxyOptions> & { replies?: Reply[] } = {}): World => {
  const { replies = [], ...others } = options
  const clock = fakeClock(startMs)
  const calls: Call[] = []
  const puts: Update[] = []
  const inner = others.store ?? memory({ clock })
  const store: Store = {
    ...inner,
    put: (update, how) => {
      puts.push(update)
      return inner.put(update, how)
    },
  }
  const proxy = createProxy({
    verify: jwt({ secret, clock }),
    allowedOrigins: [listed],
    clock,
    ...others,
    upstream: {
      apiKey,
      fetch: async (target, init) => {
        const { method = '', body, signal } = init as RequestInit & { signal: AbortSignal }
        const call = { method, path: new URL(target).pathname, body: JSON.parse(String(body)), signal }
        calls.push(call)
        const next = replies.shift() ?? reply(200, { _id: 'contact_1', ...call.body, updated: '2026-10-21' })
        if (next === 'hang') return fail(call)
        if (next instanceof Error) throw next
        return typeof next === 'function' ? next(call) : next
      },
      ...others.upstream,
    },
    store,
  })
  const send = async (request: Request): Promise<Answer> =>
    checkAnswer(await proxy.fetch(request), request.headers.get('authorization')?.slice(7) || null)
  return {
    clock,
    calls,
    replies,
    puts,
    proxy,
    send,
    post: (body = { external_id: 'u1', email: contact.email }, headers = {}) => send(requestFor(body, headers)),
  }
}

/** Refused with this code, its status and these details, and without any effect. */
export const expectRefused = (
  world: World,
  answer: Answer,
  code: keyof typeof statusOf,
  details: object = {},
): void => {
  expect({ status: answer.status, body: answer.body }).toEqual({
    status: statusOf[code],
    body: expect.objectContaining({ code, ...details }),
  })
  expect(world.puts).toEqual([])
  expect(world.calls).toEqual([])
}
