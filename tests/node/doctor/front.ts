import { request as ask } from 'node:http'
import { type Site, serveSite } from '../../browser/site.ts'

export interface Exchange {
  method: string
  path: string
  headers: Record<string, string | string[] | undefined>
}

export interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

/** What stands in front of the proxy and breaks something. */
export interface Front {
  /** Changes what the proxy gets, or answers in its place. */
  incoming?: ((exchange: Exchange) => Partial<Reply> | 'hang up' | undefined) | undefined
  /** Changes what the proxy answered. */
  outgoing?: ((reply: Reply, exchange: Exchange) => void) | undefined
}

/** A reverse proxy as somebody may have configured it, on a port of its own. */
export const startFront = (target: string, { incoming, outgoing }: Front): Promise<Site> =>
  serveSite(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const exchange: Exchange = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: { ...request.headers, connection: 'close' },
    }
    // What the proxy says of the time, and nothing of ours.
    response.sendDate = false
    const send = ({ status, headers, body }: Reply): void => {
      const { connection: _, 'transfer-encoding': __, ...rest } = headers
      for (const [name, value] of Object.entries({ ...rest, 'content-length': String(body.length) }))
        if (value !== undefined) response.setHeader(name, value)
      response.writeHead(status).end(body)
    }
    const given = incoming?.(exchange)
    if (given === 'hang up') return void request.socket.destroy()
    if (given) return send({ status: 200, headers: {}, body: Buffer.from(''), ...given })
    const reply = await new Promise<Reply>((resolve, reject) => {
      const call = ask(
        target + exchange.path,
        { method: exchange.method, headers: exchange.headers },
        async (answer) => {
          const parts: Buffer[] = []
          for await (const part of answer) parts.push(part)
          resolve({ status: answer.statusCode ?? 0, headers: { ...answer.headers }, body: Buffer.concat(parts) })
        },
      )
      call.on('error', reject)
      call.end(Buffer.concat(chunks))
    })
    outgoing?.(reply, exchange)
    send(reply)
  })

export const json = (value: object, headers = {}) => ({
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(JSON.stringify(value)),
})
export const html = { headers: { 'content-type': 'text/html' }, body: Buffer.from('<!doctype html>') }
export const isRoute = ({ path }: Exchange): boolean => path.endsWith('/v2/contacts')

/** Takes a header away before the proxy sees it. */
export const without =
  (...names: string[]): Front['incoming'] =>
  ({ headers }) => {
    for (const name of names) delete headers[name]
    return undefined
  }

/** Changes headers of the answers to some requests. */
export const withHeaders =
  (isMeant: (exchange: Exchange) => boolean, headers: Record<string, string | undefined>): Front['outgoing'] =>
  (reply, exchange) => {
    if (isMeant(exchange)) Object.assign(reply.headers, headers)
  }

export const isFile =
  (name: string) =>
  ({ path }: Exchange): boolean =>
    path.split('?')[0] === `/orq/${name}`
