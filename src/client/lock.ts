import type { Clock } from '../core/ports.ts'

/** Runs one task at a time among all tabs of an origin. */
export interface Lock {
  /** Calls `task` with false when there is no lock to be had. */
  run(task: (isLocked: boolean) => Promise<void>): Promise<void>
  /** Gives up what is held: a page that holds a lock is not kept in the back/forward cache. */
  release(): void
}

/**
 * A Web Lock, waited for at most `maxWaitMs`: a frozen tab may hold it. Held 50 ms longer than the task, because Chromium
 * may grant it to another tab before that tab sees what this one wrote. Absent on plain http; outside a document nobody
 * shares our storage, so nothing needs it.
 */
export const createLock = (name: string, maxWaitMs: number, clock: Clock): Lock => {
  let release = (): void => {}
  return {
    release: () => release(),
    run: (task) =>
      new Promise((resolve) => {
        if (typeof document === 'undefined') return resolve(task(true))
        const aborter = new AbortController()
        const cancel = clock.after(maxWaitMs, () => aborter.abort())
        const hold = (): Promise<void> => {
          cancel()
          return new Promise((done) => {
            release = done
            const ending = task(true)
            resolve(ending)
            ending.then(() => clock.after(50, done))
          })
        }
        const { locks } = navigator as { locks?: LockManager }
        // Rejects after the wait, and at once in an opaque origin.
        const held = locks?.request(name, { signal: aborter.signal }, hold) ?? Promise.reject()
        held.catch(() => {
          cancel()
          resolve(task(false))
        })
      }),
  }
}
