/** When a failed request is tried again. The names of the official Orq SDKs' `RetryConfig`; all times in milliseconds. */
export interface RetryConfig {
  /** `backoff` repeats after growing waits; `none` never repeats by itself. @defaultValue 'backoff' */
  strategy?: 'backoff' | 'none' | undefined
  /**
   * How the waits grow: `initialInterval * exponent ** failures`, at most `maxInterval`, 20 % up or down at random.
   * @defaultValue each part's own
   */
  backoff?:
    | {
        /** The first wait. @defaultValue 500 */
        initialInterval?: number | undefined
        /** The longest wait. @defaultValue 60000 */
        maxInterval?: number | undefined
        /** By how much each wait is longer than the one before; a factor. @defaultValue 1.5 */
        exponent?: number | undefined
        /** Attempts end this long after the first one. @defaultValue 3600000 */
        maxElapsedTime?: number | undefined
      }
    | undefined
  /** Whether a network failure or a timeout is tried again too. @defaultValue true */
  retryConnectionErrors?: boolean | undefined
}

/**
 * The wait before the next attempt: `initialInterval * exponent^failures`, at most `maxInterval`, 20 % up or down so that
 * clients which failed together do not return together.
 * @param failures how many attempts have failed before the last one
 * @param random from 0 to 1
 * @returns milliseconds, or undefined when no attempt is left
 */
export const nextDelay = (
  { strategy, backoff = {} }: RetryConfig,
  failures: number,
  elapsedMs: number,
  random: number,
): number | undefined => {
  const { initialInterval = 500, maxInterval = 6e4, exponent = 1.5, maxElapsedTime = 36e5 } = backoff
  if (strategy === 'none' || elapsedMs >= maxElapsedTime) return undefined
  return Math.min(initialInterval * exponent ** failures, maxInterval) * (0.8 + 0.4 * random)
}

/**
 * `Retry-After` (RFC 9110, section 10.2.3): seconds or an HTTP date.
 * @returns milliseconds from `now`, 0 to an hour; undefined when absent or unreadable
 */
export const parseRetryAfter = (header: string | null | undefined, now: number): number | undefined => {
  const seconds = Number(header || 'none')
  const ms = Number.isNaN(seconds) ? Date.parse(header as string) - now : seconds * 1e3
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 36e5)
}
