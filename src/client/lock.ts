/** Runs one task at a time among all tabs of an origin. */
export interface Lock {
  /** Calls `task` with false when there is no lock to be had. */
  run<T>(task: (locked: boolean) => Promise<T>): Promise<T>
  /** Gives up what is held: a page that holds a lock is not kept in the back/forward cache. */
  release(): void
}

/**
 * A Web Lock, waited for at most `maxWaitMs`: a frozen tab may hold it. Held 50 ms longer than the task, because Chromium
 * may grant it to another tab before that tab sees what this one wrote.
 */
export const createLock = (name: string, maxWaitMs: number): Lock => {
  let release = (): void => {}
  return {
    release: () => release(),
    run: (task) =>
      new Promise((resolve) => {
        let started = false
        const go = async (locked: boolean): Promise<void> => {
          started = true
          resolve(await task(locked))
        }
        const aborter = new AbortController()
        const timer = setTimeout(() => aborter.abort(), maxWaitMs)
        const { locks } = globalThis.navigator ?? {}
        // Absent on plain http; rejects in an opaque origin.
        const held = (locks as LockManager | undefined)?.request(name, { signal: aborter.signal }, async () => {
          clearTimeout(timer)
          await new Promise<void>((done) => {
            release = done
            go(true).then(() => setTimeout(done, 50))
          })
        })
        const without = (): void => {
          clearTimeout(timer)
          if (!started) go(false)
        }
        if (held) held.catch(without)
        else without()
      }),
  }
}
