import { nextDelay } from '../core/retry.ts'
import type { Settings } from './options.ts'
import type { PendingReason } from './outcome.ts'
import type { RecordsStore } from './records.ts'

export interface Failure {
  reason: PendingReason
  /** A server's own word; nothing cuts it short. */
  retryAfterMs?: number | undefined
  /** Not tried again by itself, only at the next call or load: a retry would change nothing. */
  quiet?: boolean
}

/** When the next attempt may happen. The time is kept with the outbox, so that it outlives the page. */
export interface Backoff {
  /** Milliseconds until an attempt may happen; 0 or less: now. */
  waitMs(): number
  /** @returns whether an attempt follows by itself */
  fail(failure: Failure): boolean
  succeed(): void
  /** Something has changed that makes an attempt worthwhile. */
  cutShort(): void
  /** The last failure since the last success. */
  reason(): PendingReason | undefined
}

export const createBackoff = ({ clock, retries }: Settings, store: RecordsStore): Backoff => {
  let last: PendingReason | undefined
  let failures = 0
  let failingSince = 0
  /** Like the outbox's not-before, but of this page alone. */
  let quietUntil = 0
  return {
    waitMs: () => {
      const { notBefore, retryAfter } = store.read()
      return Math.max(notBefore, retryAfter, quietUntil) - clock.now()
    },
    fail: ({ reason, retryAfterMs, quiet }) => {
      last = reason
      // Coming online is an event: no time to wait for.
      if (reason === 'offline') return false
      if (!failures) failingSince = clock.monotonic()
      const elapsedMs = clock.monotonic() - failingSince
      const delayMs = nextDelay(retries, { failures: failures++, elapsedMs, random: Math.random() })
      const now = clock.now()
      if (quiet) quietUntil = now + (delayMs ?? 0)
      else {
        Object.assign(store.read(), { notBefore: now + (delayMs ?? 0), retryAfter: now + (retryAfterMs ?? 0) })
        store.save()
      }
      return !quiet && delayMs !== undefined
    },
    succeed: () => {
      failures = quietUntil = 0
      last = undefined
    },
    cutShort: () => {
      quietUntil = store.read().notBefore = 0
    },
    reason: () => last,
  }
}
