import { nameError } from '../core/errors.ts'
import { systemClock } from '../core/ports.ts'
import { createProxy, type ProxyOptions } from '../proxy/proxy.ts'
import type { Store } from '../store/store.ts'
import { createAdmin } from './admin.ts'
import { createBrowserFiles } from './browser-files.ts'
import { addressOf } from './forwarded.ts'
import { type Listening, listen } from './listen.ts'
import { createMetrics } from './metrics.ts'
import { createPooledFetch } from './pool.ts'

/** The options of `createProxy`, but with a store that is chosen, and those of the server around it. */
export interface ServeOptions extends Omit<ProxyOptions, 'store'> {
  /** Where accepted updates are kept; closed with the server. */
  store: Store
  /** The address to listen at: '127.0.0.1' where a reverse proxy stands on the same machine. @defaultValue '0.0.0.0' */
  host?: string | undefined
  /** The port to listen at; 0: any free one, see `Serving.url`. @defaultValue 8787 */
  port?: number | undefined
  /** The address where `/livez`, `/readyz` and `/metrics` answer, to anybody who reaches it. @defaultValue '127.0.0.1' */
  adminHost?: string | undefined
  /** The port of those; 0: any free one, see `Serving.adminUrl`. @defaultValue 8788 */
  adminPort?: number | undefined
  /** Adds memory, CPU, event loop and garbage collection of the process to `/metrics`. @defaultValue false */
  processMetrics?: boolean | undefined
  /** How many proxies of yours stand in front and append to `X-Forwarded-For`. @defaultValue 0, which reads none of it */
  trustedProxies?: number | undefined
  /** The folder of the built browser files. @defaultValue none are served */
  distFolder?: string | undefined
  /**
   * Replaces the global `Request` and `Response` of this process by lighter ones that behave alike: half the cost of an
   * answer. For a process that does nothing else. @defaultValue false
   */
  overrideGlobalObjects?: boolean | undefined
  /** Hears what failed unexpectedly, and once what looks wrong. Holds no personal data. @defaultValue nobody */
  warn?: ((message: string) => void) | undefined
}

/** A proxy that answers. */
export interface Serving {
  /** Where it answers, without a slash at its end: `http://localhost:8787` where it listens at every address. */
  readonly url: string
  /** Where health and metrics answer, in the same form. */
  readonly adminUrl: string
  /**
   * Stops accepting, answers what runs, ends the calls on the wire, all within 10 s; what is left is in the store, and
   * the next process goes on with it at once.
   */
  close(): Promise<void>
}

/** Of the 10 s: requests first, which may still wait 2 s for upstream; then calls that outlive them. */
const graceMs = { requests: 5_000, calls: 3_000 }

/**
 * The proxy as a server: contacts route, browser files, and an admin listener with health and metrics beside it. Resolves
 * when both ports are open. Signals are yours to hear: call `close` at SIGTERM.
 * @throws OrqError `INVALID_OPTION`; as SettingError where a port is taken or forbidden, or a host is not this machine's
 */
export const serve = async (options: ServeOptions): Promise<Serving> => {
  const { host = '0.0.0.0', port = 8787, adminHost = '127.0.0.1', adminPort = 8788, warn = () => {} } = options
  const { store, upstream, basePath = '/orq', distFolder, trustedProxies = 0, concurrency = 64 } = options
  const pool = upstream.fetch
    ? undefined
    : createPooledFetch({
        origin: new URL(upstream.serverUrl ?? 'https://api.orq.ai').origin,
        connections: concurrency,
      })
  const { clock = systemClock, processMetrics, overrideGlobalObjects, onEvent } = options
  const metrics = createMetrics({ store, clock, ofProcess: processMetrics })
  const proxy = createProxy({
    ...options,
    upstream: { ...upstream, fetch: upstream.fetch ?? pool?.fetch },
    onEvent: (event) => {
      metrics.onEvent(event)
      onEvent?.(event)
    },
  })
  const files = distFolder === undefined ? undefined : createBrowserFiles({ folder: distFolder, basePath })
  const admin = createAdmin({ store, metrics, clock })
  let isWarned = trustedProxies > 0

  const handle = async (request: Request, { address }: { address?: string }): Promise<Response> => {
    const { headers, url } = request
    if (!isWarned && headers.has('x-forwarded-for')) {
      isWarned = true
      warn('X-Forwarded-For is sent but not read: every request counts as the proxy in front; see ORQ_TRUSTED_PROXIES')
    }
    if (url.includes('/livez') && new URL(url).pathname === '/livez') return admin.live()
    return (await files?.(request)) ?? proxy.fetch(request, { address: addressOf(headers, address, trustedProxies) })
  }
  const onError = (error: unknown): void => warn(nameError(error))

  const listening: Listening[] = []
  const close = async (): Promise<void> => {
    admin.stop()
    await listening[0]?.close(graceMs.requests)
    await proxy.close(graceMs.calls)
    await Promise.all([listening[1]?.close(0), pool?.close()])
  }
  try {
    listening.push(await listen({ fetch: handle, host, port, overrideGlobalObjects, onError }))
    const names = { host: 'ORQ_ADMIN_HOST', port: 'ORQ_ADMIN_PORT' }
    listening.push(await listen({ fetch: admin.fetch, host: adminHost, port: adminPort, names, onError }))
  } catch (error) {
    await close()
    throw error
  }
  const [main, side] = listening as [Listening, Listening]
  let closing: Promise<void> | undefined
  return {
    url: main.url,
    adminUrl: side.url,
    close: () => {
      closing ??= close()
      return closing
    },
  }
}
