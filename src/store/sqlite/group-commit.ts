import type { DatabaseSync } from 'node:sqlite'
import { isBusy, isFull } from './open.ts'
import { rollBack } from './schema.ts'

export interface GroupCommit {
  /** Runs `job` in the one transaction that ends this turn of the event loop; resolves when it is on the disk. */
  soon<T>(job: () => T): Promise<T>
  /** Runs `job` in the next transaction, which comes within `collectMs`. Before everything that is asked for later. */
  later<T>(job: () => T): Promise<T>
  /** Commits what waits. */
  flush(): void
}

export interface GroupCommitOptions {
  /** The connection, opened anew where the last one broke. Throws while there is none. */
  connect(): DatabaseSync
  /** Hears what a transaction failed with. */
  onFailure(error: unknown): void
  /** Called within each transaction: before its jobs, and after them. */
  begin(): void
  end(): void
  onCommit(): void
  collectMs: number
}

interface Waiting {
  job(): unknown
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** How long another process may hold the file before what waits fails. */
const patienceMs = 5_000

/** One fsync for all that a turn of the event loop brings. One bad job fails alone; a commit that fails, fails for all. */
export const createGroupCommit = (options: GroupCommitOptions): GroupCommit => {
  const { connect, onFailure, begin, end, onCommit, collectMs } = options
  let waiting: Waiting[] = []
  let isScheduled = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let busySince: number | undefined

  /** Each job by itself, so that one which fails leaves nothing of its own. */
  const runAlone = (database: DatabaseSync, { job, resolve, reject }: Waiting): (() => void) => {
    database.exec('SAVEPOINT job')
    try {
      const value = job()
      database.exec('RELEASE job')
      return () => resolve(value)
    } catch (error) {
      try {
        database.exec('ROLLBACK TO job; RELEASE job')
      } catch {
        // The failure has ended the whole transaction.
        throw error
      }
      return () => reject(error)
    }
  }

  const runTogether = (_: DatabaseSync, { job, resolve }: Waiting): (() => void) => {
    const value = job()
    return () => resolve(value)
  }

  /** @returns what each job came to, in the same order */
  const commit = (database: DatabaseSync, jobs: readonly Waiting[], runOne: typeof runAlone): (() => void)[] => {
    database.exec('BEGIN IMMEDIATE')
    try {
      begin()
      const outcomes = jobs.map((one) => runOne(database, one))
      end()
      database.exec('COMMIT')
      return outcomes
    } catch (error) {
      rollBack(database)
      throw error
    }
  }

  const run = (jobs: readonly Waiting[], runOne = runTogether): void => {
    try {
      const outcomes = commit(connect(), jobs, runOne)
      busySince = undefined
      onCommit()
      for (const tell of outcomes) tell()
    } catch (error) {
      busySince ??= performance.now()
      if (isBusy(error) && performance.now() - busySince < patienceMs) {
        // In front of what came meanwhile: the order of acceptance is the order of writing.
        waiting = [...jobs, ...waiting]
        timer = setTimeout(flush, 20)
        return
      }
      busySince = undefined
      // Nothing of it was written. Savepoints cost as much as a job, and hardly any fails: they come the second time.
      if (runOne === runTogether && !isBusy(error)) {
        run(jobs, runAlone)
        return
      }
      // A full disk ends the transaction of all for the one that found no room; deliveries, which make room, must pass.
      if (isFull(error) && jobs.length > 1) {
        for (const [n, job] of jobs.entries()) {
          run([job], runAlone)
          if (busySince === undefined) continue
          // Another process holds the file by now: the rest waits behind this one, in front of what came meanwhile.
          waiting.splice(1, 0, ...jobs.slice(n + 1))
          return
        }
        return
      }
      onFailure(error)
      for (const { reject } of jobs) reject(error)
    }
  }

  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    isScheduled = false
    const jobs = waiting
    waiting = []
    if (jobs.length) run(jobs)
  }

  const add = <T>(job: () => T): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      waiting.push({ job, resolve: resolve as (value: unknown) => void, reject })
    })

  const soon = <T>(job: () => T): Promise<T> => {
    const result = add(job)
    // While another process holds the file, the next try is due anyway.
    if (!isScheduled && busySince === undefined) {
      isScheduled = true
      setImmediate(flush)
    }
    return result
  }

  return {
    soon,
    later: (job) => {
      if (collectMs === 0) return soon(job)
      const result = add(job)
      if (!isScheduled) timer ??= setTimeout(flush, collectMs)
      return result
    },
    flush,
  }
}
