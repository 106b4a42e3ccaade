import { nextDelay } from '../core/retry.ts'
import type { Failure } from './answer.ts'
import type { Shared } from './intake.ts'
import type { Lines } from './lines.ts'

/** When the next attempt may happen. The time is kept with the outbox, so that it outlives the page. */
export interface Pace {
  /** Milliseconds until an attempt may happen; 0 or less: now. */
  waitMs(): number
  /** @returns whether an attempt follows by itself */
  slowDown(failure: Failure): boolean
  /** Begins anew, as if nothing had failed. */
  reset(): void
}

export const createPace = ({ store, clock, retries = {} }: Shared, lines: Lines): Pace => {
  let failures = 0
  let failingSince = 0
  return {
    waitMs: () => {
      const [failedAt, ...untils] = store.recall().pause
      const now = clock.now()
      const left = now < failedAt ? 0 : Math.max(...untils) - now
      return Math.max(left, lines.quietUntil - clock.monotonic())
    },
    slowDown: ({ reason, isQuiet, retryAfterMs = 0 }) => {
      // Coming online is an event: no time to wait for.
      if (reason === 'offline') return false
      const now = clock.now()
      const isAlone = isQuiet || (reason === 'unreachable' && retries.retryConnectionErrors === false)
      if (!failures) failingSince = clock.monotonic()
      const delayMs = nextDelay(retries, failures++, clock.monotonic() - failingSince, Math.random())
      if (isAlone) lines.quietUntil = clock.monotonic() + (delayMs ?? 0)
      else {
        store.recall().pause = [now, now + (delayMs ?? 0), now + retryAfterMs]
        store.save()
      }
      return !isAlone && delayMs !== undefined
    },
    reset: () => {
      failures = lines.quietUntil = 0
    },
  }
}
