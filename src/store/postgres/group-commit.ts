import { type Database, SilenceError } from './database.ts'
import { createHeldUp, type Held } from './held-up.ts'
import { waitAtMost } from './patience.ts'
import { movePointers, type Pointers } from './pointers.ts'
import type { Rows } from './rows.ts'
import { isConflict } from './transaction.ts'
import { type Job, runJobs, type Waiting } from './turn.ts'

export interface GroupCommit {
  /** In the next transaction; resolves when it is on the database's disk. */
  soon<T>(job: Job<T>): Promise<T>
  /** The same, and waits up to `collectMs` for company. Before everything that is asked for later. */
  later<T>(job: Job<T>): Promise<T>
  /** Commits what waits, and resolves when nothing is left; what waits for longer than `patienceMs` is rejected. */
  close(patienceMs: number): Promise<void>
}

export interface GroupCommitOptions {
  database: Database
  rows: Rows
  pointers: Pointers
  collectMs: number
  /** The longest that a job waits for its transaction. */
  timeoutMs: number
}

/** A transaction of more holds its rows for too long. */
const mostJobs = 500
/** More would not be written within the time-out, and could exhaust the memory. */
const mostOpen = 10_000
/** A version and a lease. */
const numbersPerJob = 2
/** What PostgreSQL says when a lock was waited for in vain. */
const lockNotAvailable = '55P03'

/**
 * One transaction at a time, of all that came while the one before it ran: two round trips, one more where pointer jobs
 * change. One bad job fails alone; a transaction that fails, fails for all. Whoever else holds a row holds up its contact alone.
 */
export const createGroupCommit = (options: GroupCommitOptions): GroupCommit => {
  const { database, rows, pointers, collectMs, timeoutMs } = options
  let waiting: Waiting[] = []
  /** Those that wait, be it for their transaction's end. */
  let open = 0
  let isScheduled = false
  let isRunning = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let whenIdle = (): void => {}

  const write = (jobs: readonly Waiting[]): Promise<{ held: Waiting[]; outcomes: (() => void)[] }> =>
    database.transact(async (client, commitWith) => {
      const keys = new Set(jobs.map(({ key }) => key))
      const locked = await rows.lock(client, [...keys], jobs.length * numbersPerJob)
      const held = jobs.filter(({ key }) => locked.isHeld(key))
      const free = held.length ? jobs.filter(({ key }) => !locked.isHeld(key)) : jobs
      const { changes, outcomes } = runJobs(free, locked, rows)
      const found = changes.map((change) => change.found)
      await commitWith(rows.write(client, changes), movePointers(client, pointers, found))
      return { held, outcomes }
    })

  const rejectAll = (error: unknown): void => {
    const all = waiting
    waiting = []
    for (const { reject } of all) reject(error)
    heldUp.rejectAll(error)
  }

  const commit = async (jobs: readonly Waiting[]): Promise<Held> => {
    try {
      const { held, outcomes } = await write(jobs)
      for (const tell of outcomes) tell()
      return { jobs: held, isKnown: true }
    } catch (error) {
      // A process that makes one contact after another may be in the way of a few hundred at every try, and of one at a few.
      if ((error as { code?: unknown }).code === lockNotAvailable || isConflict(error)) return { jobs, isKnown: false }
      for (const { reject } of jobs) reject(error)
      // All that waits would only wait for as long, and find out the same.
      if (error instanceof SilenceError) rejectAll(error)
      return { jobs: [], isKnown: true }
    }
  }
  const heldUp = createHeldUp({ commit, mostJobs, timeoutMs })

  /** What comes next, without what has waited too long, or has to wait behind others of its contact. */
  const take = (): Waiting[] => {
    const first = performance.now() - timeoutMs
    const taken = waiting.slice(0, mostJobs)
    waiting = waiting.slice(mostJobs)
    return taken.filter((one) => {
      if (one.since < first) one.reject(new SilenceError())
      else if (heldUp.has(one.key)) heldUp.add({ jobs: [one], isKnown: true })
      else return true
      return false
    })
  }

  const run = async (): Promise<void> => {
    if (isRunning) return
    isRunning = true
    clearTimeout(timer)
    timer = undefined
    while (waiting.length) {
      isScheduled = false
      const jobs = take()
      const held = jobs.length ? await commit(jobs) : undefined
      if (held?.jobs.length) heldUp.add(held)
    }
    // Even where it was rejected before its turn.
    isScheduled = false
    isRunning = false
  }

  const add = <T>({ key, run }: Job<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const end = (): void => {
        if (--open === 0) whenIdle()
      }
      open++
      waiting.push({
        key,
        run,
        since: performance.now(),
        resolve: (value) => {
          resolve(value as T)
          end()
        },
        reject: (error) => {
          reject(error)
          end()
        },
      })
    })

  const soon = <T>(job: Job<T>): Promise<T> => {
    if (open >= mostOpen) return Promise.reject(new Error('too much waits for the database'))
    const result = add(job)
    if (!isScheduled) {
      isScheduled = true
      setImmediate(run)
    }
    return result
  }

  return {
    soon,
    later: (job) => {
      if (collectMs === 0) return soon(job)
      const result = add(job)
      if (!isScheduled && !isRunning) timer ??= setTimeout(run, collectMs)
      return result
    },
    close: async (patienceMs) => {
      void run()
      const idle = new Promise<void>((resolve) => {
        whenIdle = resolve
      })
      if (open > 0) await waitAtMost(patienceMs, idle)
      rejectAll(new Error('the store is closed'))
    },
  }
}
