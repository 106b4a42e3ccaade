import { createServer, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { quote, SettingError } from './setting-error.ts'

/** A web-standard handler; `address` is the peer's, as the socket tells it. */
export type Handler = (request: Request, info: { address?: string }) => Promise<Response> | Response

export interface ListenOptions {
  fetch: Handler
  host: string
  /** 0 takes any free one; see `Listening.port`. */
  port: number
  /** Replaces the global `Request` and `Response` by the adapter's faster ones. @defaultValue false */
  overrideGlobalObjects?: boolean | undefined
  /** Further connections are refused, so that a flood cannot exhaust file handles. @defaultValue 10000 */
  maxConnections?: number | undefined
  /** What `host` and `port` are called in a `SettingError`. @defaultValue HOST and PORT */
  names?: { host: string; port: string } | undefined
  /** Hears what the handler threw; the peer gets a bare 500. */
  onError?: ((error: unknown) => void) | undefined
}

export interface Listening {
  /** For a person to open: `localhost` where the host means every address. */
  readonly url: string
  readonly port: number
  /** Stops accepting, lets running requests end, cuts those that last longer than `graceMs`. */
  close(graceMs: number): Promise<void>
}

// Node waits 60 s for headers and 300 s for a request, and looks every 30 s: too patient with one byte every 10 s.
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: 5_000,
}

/** Node's own answer to a broken request says nothing about a timeout or an overflow to keep-alive peers. */
const refuseBroken = (error: NodeJS.ErrnoException, socket: Socket): void => {
  // Private, but Node's default handler reads it too: a status line inside a half-sent answer would corrupt it.
  const answer = (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage
  if (error.code === 'ECONNRESET' || !socket.writable || answer?.headersSent) {
    socket.destroy()
    return
  }
  const status = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code ?? ''] ?? 400
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  socket.destroySoon()
}

/**
 * A loop that stood still finds the time of an idle connection over before it reads what came on it meanwhile. Immediates
 * run when that is read.
 */
const closeIfStillIdle = (socket: Socket): void => {
  const { bytesRead } = socket
  setImmediate(() => {
    if (socket.bytesRead === bytesRead) socket.destroy()
  })
}

const settingErrorOf = (error: NodeJS.ErrnoException, options: ListenOptions): Error => {
  const { host, port, names = { host: 'HOST', port: 'PORT' } } = options
  if (error.code === 'EADDRINUSE')
    return new SettingError(names.port, `${port} is in use`, `stop the other program or give another port`)
  if (error.code === 'EACCES')
    return new SettingError(names.port, `no permission to use ${port}`, 'give a port above 1023')
  if (['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL', 'EAFNOSUPPORT'].includes(error.code ?? ''))
    return new SettingError(names.host, `${quote(host)} is no address of this machine`, 'give one, such as 127.0.0.1')
  return error
}

const urlOf = (host: string, port: number): string => {
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

const closeServer = (server: Server, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    // A keep-alive connection that was busy when `close` was called would stay open for another keepAliveTimeout.
    const sweep = setInterval(() => server.closeIdleConnections(), 50)
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    server.close(() => {
      clearInterval(sweep)
      clearTimeout(cut)
      resolve()
    })
  })

/**
 * Serves a fetch handler over HTTP/1.1.
 * @throws SettingError (as a rejection) for a port in use, a host that is not ours, a port that needs privileges
 */
export const listen = (options: ListenOptions): Promise<Listening> => {
  const { fetch, host, port, overrideGlobalObjects = false, maxConnections = 10_000, onError } = options
  const listener = getRequestListener(
    (request, { incoming }) => {
      // The adapter lets pass a Host of good characters that is no address, like `a.1`: every reader of the URL would throw.
      if (!URL.canParse(request.url)) return new Response(null, { status: 400 })
      const address = incoming.socket.remoteAddress
      return fetch(request, address === undefined ? {} : { address })
    },
    {
      overrideGlobalObjects,
      // In place of a Host, which HTTP/1.0 has not: health checks of load balancers still speak it. It decides nothing.
      hostname: 'host.invalid',
      errorHandler: (error) => {
        // The adapter's own refusal of a request line or Host that makes no URL.
        if (error instanceof Error && error.name === 'RequestError') return new Response(null, { status: 400 })
        onError?.(error)
        return Response.json({ code: 'internal' }, { status: 500 })
      },
    },
  )
  const server = createServer(limits, (incoming, outgoing) => void listener(incoming, outgoing))
  server.maxConnections = maxConnections
  server.maxRequestsPerSocket = 1_000
  server.on('clientError', refuseBroken)
  server.on('timeout', closeIfStillIdle)
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(settingErrorOf(error, options)))
    server.listen(port, host, () => {
      const actual = (server.address() as AddressInfo).port
      resolve({ url: urlOf(host, actual), port: actual, close: (graceMs) => closeServer(server, graceMs) })
    })
  })
}
