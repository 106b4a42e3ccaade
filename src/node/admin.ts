import type { Clock } from '../core/ports.ts'
import type { Store } from '../store/store.ts'
import type { Metrics } from './metrics.ts'

export interface Admin {
  fetch(request: Request): Promise<Response>
  /** The process runs. */
  live(): Response
  /** No longer ready from now on: a load balancer sends nothing more. */
  stop(): void
}

/** Readiness is asked every few seconds by several askers; each answer costs a write to the disk. */
const keptMs = 1_000

const answer = (status: number, text: string, type = 'text/plain'): Response =>
  new Response(`${text}\n`, { status, headers: { 'content-type': type, 'cache-control': 'no-store' } })

/**
 * Ready means that an update can be stored. Upstream does not count: while it is down, accepting is still safe, and a
 * fleet that is taken off the net for it would lose what pages send.
 */
export const createAdmin = ({ store, metrics, clock }: { store: Store; metrics: Metrics; clock: Clock }): Admin => {
  let isStopping = false
  let last: { at: number; isReady: Promise<boolean> } | undefined
  const isReady = (): Promise<boolean> => {
    const now = clock.monotonic()
    if (!last || now - last.at >= keptMs)
      last = {
        at: now,
        isReady: store.check().then(
          () => true,
          () => false,
        ),
      }
    return last.isReady
  }
  const live = (): Response => answer(200, 'ok')
  return {
    live,
    stop: () => {
      isStopping = true
    },
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'GET only')
      if (pathname === '/livez') return live()
      if (pathname === '/metrics') {
        const { text, contentType } = await metrics.render()
        return answer(200, text.trimEnd(), contentType)
      }
      if (pathname !== '/readyz') return answer(404, 'not found')
      if (isStopping) return answer(503, 'stopping')
      return (await isReady()) ? answer(200, 'ok') : answer(503, 'the store takes no updates')
    },
  }
}
