import { nextDelay } from '../core/retry.ts'
import type { PendingReason } from './outcome.ts'
import type { Settings } from './settings.ts'
import { pauseLeftMs, type StateStore } from './state.ts'

/** Not delivered; kept and tried again. */
export interface Failure {
  reason: PendingReason
  /** Not tried again by itself, only at the next call or load: a retry would change nothing. */
  noAutoRetry?: boolean
  /** Calls hear of it at once, though it is tried again. */
  settlesNow?: boolean
  /** A server's own word, in milliseconds; nothing cuts it short. */
  retryAfterMs?: number
}

/** When the next attempt may happen. The time is kept with the outbox, so that it outlives the page. */
export interface Backoff {
  /** Milliseconds until an attempt may happen; 0 or less: now. */
  waitMs(): number
  /** @returns in how many milliseconds an attempt follows by itself; undefined: none does */
  onFailure(failure: Failure): number | undefined
  onDelivered(): void
  /** The page is seen again, or the network is back: ends a wait that no server ordered. */
  onWake(): void
  /** New values wait: shortens such a wait to a second after the failure, so that a busy page does not undo it. */
  onNewData(): void
}

export const createBackoff = ({ clock, retries }: Settings, store: StateStore): Backoff => {
  let failures = 0
  let failingSince = 0
  /** Nothing is tried before this time, on this page alone, by the monotonic clock. */
  let quietUntil = 0
  let quietSince = 0
  /** Attempts have gone on for `maxElapsedTime`: from then on nothing but time shortens a wait. */
  let isExhausted = false
  const { initialInterval = 500, maxInterval = 6e4 } = retries.backoff ?? {}
  const shortestMs = 2 * initialInterval
  return {
    waitMs: () => Math.max(pauseLeftMs(store.read(), clock.now()), quietUntil - clock.monotonic()),
    onFailure: ({ reason, noAutoRetry, retryAfterMs = 0 }) => {
      const now = clock.now()
      const isAlone = noAutoRetry || (reason === 'unreachable' && retries.retryConnectionErrors === false)
      if (!failures) failingSince = clock.monotonic()
      const delayMs = nextDelay(retries, failures++, clock.monotonic() - failingSince, Math.random())
      // Once attempts have ended, calls are still not tried more often than at the end.
      const waitMs = delayMs ?? (retries.strategy === 'none' ? 0 : maxInterval)
      quietSince = clock.monotonic()
      isExhausted = delayMs === undefined
      if (isAlone) quietUntil = quietSince + waitMs
      if (!isAlone || retryAfterMs) {
        store.read().pause = [now, isAlone ? now : now + Math.round(waitMs), now + retryAfterMs]
        store.save()
      }
      return isAlone || delayMs === undefined ? undefined : Math.max(waitMs, retryAfterMs)
    },
    onDelivered: () => {
      store.read().pause = [0, 0, 0]
      failures = quietUntil = 0
      isExhausted = false
    },
    onWake: () => {
      store.read().pause[1] = quietUntil = 0
    },
    onNewData: () => {
      if (isExhausted) return
      const { pause } = store.read()
      pause[1] = Math.min(pause[1], pause[0] + shortestMs)
      quietUntil = Math.min(quietUntil, quietSince + shortestMs)
    },
  }
}
