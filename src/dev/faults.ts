import type { Clock } from '../core/ports.ts'

/** How the embedded API behaves: as it should, 503, an answer after some seconds, 429 with `Retry-After: 2`. */
export type FaultMode = 'ok' | 'down' | 'slow' | 'rate_limited'

const modes: ReadonlySet<unknown> = new Set<FaultMode>(['ok', 'down', 'slow', 'rate_limited'])

export const isFaultMode = (value: unknown): value is FaultMode => modes.has(value)

export interface Faults {
  readonly mode: FaultMode
  set(mode: FaultMode): void
  /**
   * The answer that the fault gives in place of the API, or undefined to go on, at once or after the delay. Rejects
   * when `signal` is aborted meanwhile, as `fetch` does.
   */
  answer(signal: AbortSignal): Promise<Response | undefined>
  /** Ends the delays that run. */
  close(): void
}

const refuse = (status: number, code: string, headers: HeadersInit = {}): Response =>
  Response.json({ code, message: 'a fault set for this development server' }, { status, headers })

/** Rejects as soon as the signal is aborted. */
const sleep = (ms: number, signal: AbortSignal, clock: Clock): Promise<void> =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const end = (): void => {
      cancel()
      reject(signal.reason)
    }
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', end)
      resolve()
    })
    signal.addEventListener('abort', end, { once: true })
  })

export const createFaults = (slowMs: number, clock: Clock): Faults => {
  let mode: FaultMode = 'ok'
  const closing = new AbortController()
  return {
    get mode() {
      return mode
    },
    set: (next) => {
      mode = next
    },
    answer: async (signal) => {
      if (mode === 'down') return refuse(503, 'unavailable')
      if (mode === 'rate_limited') return refuse(429, 'rate_limited', { 'Retry-After': '2' })
      if (mode === 'slow') await sleep(slowMs, AbortSignal.any([signal, closing.signal]), clock)
      return undefined
    },
    close: () => closing.abort(),
  }
}
