import type { Clock } from '../../core/ports.ts'

/** Runs a task when no other tab of the origin runs one; calls it with false when there is no lock to be had. */
export type UnderLock = (task: (isLocked: boolean) => Promise<void>) => Promise<void>

/** How long after a task the lock is held, in milliseconds. */
const lingerMs = 100

/**
 * A Web Lock, waited for at most `maxWaitMs`: a frozen tab may hold it. Held 10 ms before the task and `lingerMs` after it,
 * because Chromium may grant it to another tab before that tab sees what this one wrote, and what a third tab writes
 * meanwhile may undo it (see recheck.ts); but not by a page that is left, which would not
 * be kept in the back/forward cache. Absent on plain http; outside a document nobody shares our storage, so nothing
 * needs it.
 */
export const createLock =
  (name: string, maxWaitMs: number, clock: Clock): UnderLock =>
  (task) =>
    new Promise((resolve) => {
      if (typeof document === 'undefined') return resolve(task(true))
      const waiting = new AbortController()
      const cancel = clock.after(maxWaitMs, () => waiting.abort())
      let hasBegun = false
      const hold = async (): Promise<void> => {
        cancel()
        if (hasBegun) return
        hasBegun = true
        await new Promise<void>((release) => {
          const holding = new AbortController()
          const { signal } = holding
          const end = (): void => {
            holding.abort()
            release()
          }
          addEventListener('pagehide', end, { signal })
          document.addEventListener('visibilitychange', end, { signal })
          const ending = new Promise<void>((begin) => clock.after(10, begin)).then(() => task(!signal.aborted))
          resolve(ending)
          const linger = (): unknown => clock.after(lingerMs, end)
          ending.then(linger, linger)
        })
      }
      // Rejects after the wait, and at once in an opaque origin; a shim may throw, or not hear the signal.
      const without = (): void => {
        cancel()
        if (!hasBegun) resolve(task(false))
        hasBegun = true
      }
      waiting.signal.addEventListener('abort', without)
      const ask = async (): Promise<void> => navigator.locks.request(name, { signal: waiting.signal }, hold)
      ask().catch(without)
    })
