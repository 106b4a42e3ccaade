import { type Dispatcher, Pool } from 'undici'
import { callMs } from '../proxy/attempt.ts'
import type { UpstreamFetch } from '../upstream/request.ts'

export interface PooledFetch {
  fetch: UpstreamFetch
  close(): Promise<void>
}

export interface PoolOptions {
  /** Requests go to this server alone. */
  origin: string
  /** At least as many as calls at the same time. */
  connections: number
}

const maxAnswerBytes = 65_536

type ReceivedHeaders = Record<string, string | string[] | undefined>

const pairsOf = (headers: ReceivedHeaders): [string, string][] =>
  Object.entries(headers).flatMap(([name, value = []]) => [value].flat().map((one): [string, string] => [name, one]))

/** One exchange, without the streams that undici's other interfaces make of it: half of its cost. */
const exchange = (pool: Pool, path: string, { method = 'GET', headers, body, signal }: RequestInit) =>
  new Promise<{ status: number; headers: ReceivedHeaders; bytes: Buffer }>((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let head = { status: 0, headers: {} }
    const chunks: Buffer[] = []
    let length = 0
    // A process that was stopped while it waited for a connection must not send, when it wakes, what another one has long
    // overtaken; the caller's timer comes too late for that.
    const latest = performance.now() + callMs
    const end = (reason: unknown): void => {
      controller?.abort(reason as Error)
      reject(reason)
    }
    const stop = (): void => end(signal?.reason)
    const answer = (): void => {
      signal?.removeEventListener('abort', stop)
      const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
      resolve({ ...head, bytes: bytes.subarray(0, maxAnswerBytes) })
    }
    signal?.addEventListener('abort', stop)
    pool.dispatch(
      { path, method: method as 'POST', headers: headers as Record<string, string>, body: body as string },
      {
        onRequestStart: (given) => {
          controller = given
          if (signal?.aborted) stop()
          else if (performance.now() > latest) end(new DOMException('too late to be sent', 'TimeoutError'))
        },
        onResponseStart: (_, status, received) => {
          // What comes before the answer, such as 103, is none.
          if (status >= 200) head = { status, headers: received }
        },
        onResponseData: (_, chunk) => {
          if (length >= maxAnswerBytes) return
          chunks.push(chunk)
          length += chunk.length
          if (length < maxAnswerBytes) return
          answer()
          controller?.abort(new Error('a longer answer than is read'))
        },
        onResponseEnd: answer,
        onResponseError: (_, error) => {
          signal?.removeEventListener('abort', stop)
          reject(error)
        },
      },
    )
  })

/**
 * `fetch` as the contacts API needs it, on connections that are kept open: a tenth of the cost of the global one. The
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
    fetch: async (url, init) => {
      if (!url.startsWith(`${origin}/`)) throw new TypeError('another server')
      init.signal?.throwIfAborted()
      const { status, headers, bytes } = await exchange(pool, url.slice(origin.length), init)
      return {
        status,
        get headers() {
          return new Headers(pairsOf(headers))
        },
        body: null,
        text: async () => bytes.toString(),
      }
    },
    close: () => pool.destroy(),
  }
}
