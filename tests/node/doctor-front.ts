import { request as ask } from 'node:http'
import { type Site, serveSite } from '../browser/site.ts'

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
  incoming?: ((exchange: Exchange) => Partial<Reply> | undefined) | undefined
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
    const send = ({ status, headers, body }: Reply): void => {
      const { connection: _, 'transfer-encoding': __, ...rest } = headers
      for (const [name, value] of Object.entries({ ...rest, 'content-length': String(body.length) }))
        if (value !== undefined) response.setHeader(name, value)
      response.writeHead(status).end(body)
    }
    const given = incoming?.(exchange)
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
