import { Pool } from 'undici'
import type { Fetch } from '../core/ports.ts'

export interface PooledFetch {
  fetch: Fetch
  close(): Promise<void>
}

export interface PoolOptions {
  /** Requests go to this server alone. */
  origin: string
  /** At least as many as calls at the same time. */
  connections: number
}

const maxAnswerBytes = 65_536

/**
 * `fetch` as the contacts API needs it, on connections that are kept open: a third of the cost of the global one. The
 * caller gives timeout and abort by its signal; a redirect is an answer like any other; of a body at most 64 kB are read.
 */
export const createPooledFetch = ({ origin, connections }: PoolOptions): PooledFetch => {
  const pool = new Pool(origin, {
    connections,
    // Below the 5 s after which many servers close: the fewer sockets are found closed.
    keepAliveTimeout: 4_000,
    // A contact is small; whoever streams headers or body for ever is cut by the caller's signal.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  return {
    fetch: async (url, init = {}) => {
      const { pathname, search } = new URL(url)
      const { method = 'GET', headers, body, signal } = init
      const answer = await pool.request({
        path: pathname + search,
        method: method as 'POST' | 'PATCH',
        headers: headers as Record<string, string>,
        body: body as string,
        signal: signal as AbortSignal,
      })
      const chunks: Uint8Array[] = []
      let length = 0
      for await (const chunk of answer.body) {
        chunks.push(chunk)
        length += chunk.length
        if (length > maxAnswerBytes) break // which destroys the rest
      }
      const result = new Headers()
      for (const [name, value] of Object.entries(answer.headers))
        for (const one of [value ?? []].flat()) result.append(name, one)
      const isEmpty = [101, 204, 205, 304].includes(answer.statusCode)
      return new Response(isEmpty ? null : Buffer.concat(chunks), { status: answer.statusCode, headers: result })
    },
    close: () => pool.destroy(),
  }
}
