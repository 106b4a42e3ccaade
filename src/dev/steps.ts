import type { ProxyEvent } from '../proxy/events.ts'

type Told = 'call' | 'parked' | 'paused' | 'resumed' | 'answered' | 'failed'

/** A step of the proxy that the page shows, and when it was; milliseconds since the epoch. */
export type Step = { at: number } & (
  | Extract<ProxyEvent, { type: Told }>
  | { type: 'put'; result: 'unchanged' | 'failed'; ms: number }
)

/**
 * What the page shows of the proxy's events; undefined for those that another one tells: a stored update is called or
 * answered, a token or a limit that refuses is answered, what a store has not recorded comes again.
 */
export const stepOf = (event: ProxyEvent, at: number): Step | undefined => {
  switch (event.type) {
    case 'delivered':
    case 'refused':
    case 'limited':
    case 'store_failed':
    case 'unverifiable':
      return undefined
    case 'put': {
      const { type, result, ms } = event
      return result === 'unchanged' || result === 'failed' ? { at, type, result, ms } : undefined
    }
    default:
      return { at, ...event }
  }
}
