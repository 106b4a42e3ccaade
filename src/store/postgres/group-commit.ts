import type { Pool } from 'pg'
import { movePointers, type Pointers } from './pointers.ts'
import type { Change, Found, Rows } from './rows.ts'
import { inTransaction } from './transaction.ts'

/** What a job may do in the transaction that it shares: read, decide and change rows. The rules themselves do not wait. */
export interface Turn {
  /** The database's time. */
  now: number
  next(): number
  find(externalId: string): Found | undefined
  create(externalId: string): Found
  createKey(key: string): Found
  /** By key. @throws SyntaxError where the row cannot be read */
  findKey(key: string): Found | undefined
  /** By key, when something is undelivered or refused; without an id where the row cannot be read. */
  waiting(key: string): Found | undefined
  write(found: Found, externalId: string): void
}

export interface Job<T> {
  /** The contacts whose rows it needs. */
  externalIds: readonly string[]
  /** And those of these keys. */
  keys?: readonly string[]
  /** Called anew when the transaction has to be repeated. */
  run(turn: Turn): T
}

export interface GroupCommit {
  /** In the next transaction; resolves when it is on the database's disk. */
  soon<T>(job: Job<T>): Promise<T>
  /** The same, and waits up to `collectMs` for company. Before everything that is asked for later. */
  later<T>(job: Job<T>): Promise<T>
  /** Commits what waits, and resolves when nothing is left. */
  close(): Promise<void>
}

export interface GroupCommitOptions {
  pool: Pool
  rows: Rows
  pointers: Pointers
  collectMs: number
}

interface Waiting {
  job: Job<unknown>
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** A transaction of more holds its rows for too long. */
const mostJobs = 500
/** A version and a lease. */
const numbersPerJob = 2

/**
 * One transaction at a time, of all that came while the one before it ran: two round trips, one more where pointer jobs
 * change. One bad job fails alone; a transaction that fails, fails for all.
 */
export const createGroupCommit = ({ pool, rows, pointers, collectMs }: GroupCommitOptions): GroupCommit => {
  let waiting: Waiting[] = []
  let isScheduled = false
  let isRunning = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let whenIdle: (() => void) | undefined

  const commit = (jobs: readonly Waiting[]): Promise<(() => void)[]> =>
    inTransaction(pool, async (client, commitWith) => {
      const keys = new Map<string, string>()
      for (const { job } of jobs) for (const id of job.externalIds) keys.set(id, rows.keyOf(id))
      const keyOf = (externalId: string): string => keys.get(externalId) as string
      const needed = new Set([...keys.values(), ...jobs.flatMap(({ job }) => job.keys ?? [])])
      const locked = await rows.lock(client, [...needed].sort(), jobs.length * numbersPerJob)
      const changed = new Map<string, Change>()
      const findKey = (key: string): Found | undefined => {
        const change = changed.get(key)
        // A copy: what a job changes before it fails must not be written with what the others change.
        return change ? structuredClone(change.found) : locked.find(key)
      }
      const outcomes = jobs.map(({ job, resolve, reject }) => {
        const drafts: Change[] = []
        const turn: Turn = {
          now: locked.now,
          next: locked.next,
          find: (externalId) => findKey(keyOf(externalId)),
          findKey,
          waiting: (key) => {
            const change = changed.get(key)
            if (!change) return locked.waiting(key)
            return change.columns.wake === null && change.columns.parked === null
              ? undefined
              : structuredClone(change.found)
          },
          create: (externalId) => rows.create(keyOf(externalId)),
          createKey: rows.create,
          // Here, so that a row which is no JSON fails alone.
          write: (found, externalId) => void drafts.push(rows.change(found, externalId, locked.now)),
        }
        try {
          const value = job.run(turn)
          for (const draft of drafts) changed.set(draft.found.key, draft)
          return () => resolve(value)
        } catch (error) {
          return () => reject(error)
        }
      })
      const changes = [...changed.values()]
      const moves = movePointers(
        client,
        pointers,
        changes.map(({ found }) => found),
      )
      await commitWith(rows.write(client, changes), moves)
      return outcomes
    })

  const run = async (): Promise<void> => {
    if (isRunning) return
    isRunning = true
    clearTimeout(timer)
    timer = undefined
    while (waiting.length) {
      isScheduled = false
      const jobs = waiting.slice(0, mostJobs)
      waiting = waiting.slice(mostJobs)
      await commit(jobs).then(
        (outcomes) => {
          for (const tell of outcomes) tell()
        },
        (error) => {
          for (const { reject } of jobs) reject(error)
        },
      )
    }
    isRunning = false
    whenIdle?.()
  }

  const add = <T>(job: Job<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      waiting.push({ job, resolve: resolve as (value: unknown) => void, reject })
    })

  const soon = <T>(job: Job<T>): Promise<T> => {
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
    close: async () => {
      void run()
      if (isRunning)
        await new Promise<void>((resolve) => {
          whenIdle = resolve
        })
    },
  }
}
