import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Received {
  method: string
  path: string
  headers: IncomingHttpHeaders
  rawHeaders: string[]
  body: string
  json: Record<string, unknown>
}

export type Reply =
  | { status: number; body?: string | object; headers?: Record<string, string> }
  | ((response: ServerResponse, received: Received) => void)

export interface Upstream {
  url: string
  received: Received[]
  /** Answers in the order of requests; a created contact when empty. */
  replies: Reply[]
  /** It answers 503, and creates nothing, while `replies` is empty. */
  isDown: boolean
  /** Each request as `METHOD /path {body}`. */
  log(): string[]
}

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A contacts API on a real socket that records what it receives and answers as told. Closed when the test ends. */
export const startUpstream = (...replies: Reply[]): Promise<Upstream> => openUpstream(replies, onTestFinished)

/** The same, closed when `whenOver` says so: for tests that share one. */
export const openUpstream = async (replies: Reply[], whenOver: (task: () => void) => void): Promise<Upstream> => {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method = '', url: path = '', headers, rawHeaders } = request
    const one: Received = { method, path, headers, rawHeaders, body, json: JSON.parse(body || '{}') }
    received.push(one)
    const created = {
      status: 200,
      body: { _id: 'contact_01J9ZQ3F6Y7X8W5V4T3S2R1Q0P', ...one.json, updated: '2026-10-21T07:28:00.000Z' },
    }
    const reply: Reply = upstream.replies.shift() ?? (upstream.isDown ? { status: 503 } : created)
    if (typeof reply === 'function') return reply(response, one)
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
    response.end(typeof reply.body === 'object' ? JSON.stringify(reply.body) : reply.body)
  })
  const upstream: Upstream = {
    url: await listen(server),
    received,
    replies,
    isDown: false,
    log: () => received.map(({ method, path, body }) => `${method} ${path} ${body}`),
  }
  whenOver(() => {
    server.close()
    server.closeAllConnections()
  })
  return upstream
}
