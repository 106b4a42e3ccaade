import type { Change, Found, Locked, Rows } from './rows.ts'

/** What a job may do in the transaction that it shares: read, decide and change a row. The rules themselves do not wait. */
export interface Turn {
  /** The database's time. */
  now: number
  next(): number
  /** @throws SyntaxError where the row cannot be read */
  find(): Found | undefined
  /** Also where it cannot be read: without an id, and nothing in it. */
  readable(): Found | undefined
  /** The same, when something is undelivered or refused. */
  waiting(): Found | undefined
  create(): Found
  write(found: Found, externalId: string): void
}

/** What is done to the row of one contact. */
export interface Job<T> {
  key: string
  /** Called anew when the transaction has to be repeated. */
  run(turn: Turn): T
}

export interface Waiting extends Job<unknown> {
  /** When it came, on the monotonic clock. */
  since: number
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** Runs jobs, one after the other, on rows that are locked. @returns what is to be told, once it is written */
export const runJobs = (
  jobs: readonly Waiting[],
  locked: Locked,
  rows: Rows,
): { changes: Change[]; outcomes: (() => void)[] } => {
  const changed = new Map<string, Change>()
  const outcomes = jobs.map(({ key, run, resolve, reject }) => {
    let draft = changed.get(key)
    // A copy: what a job changes before it fails must not be written with what the others change.
    const copy = (change: Change): Found => structuredClone(change.found)
    const turn: Turn = {
      now: locked.now,
      next: locked.next,
      find: () => (draft ? copy(draft) : locked.find(key)),
      readable: () => (draft ? copy(draft) : locked.readable(key)),
      waiting: () => {
        if (!draft) return locked.waiting(key)
        return draft.columns.wake === null && draft.columns.parked === null ? undefined : copy(draft)
      },
      create: () => rows.create(key),
      // Here, so that a row which is no JSON fails alone.
      write: (found, externalId) => {
        draft = rows.change(found, externalId, locked.now)
      },
    }
    try {
      const value = run(turn)
      if (draft) changed.set(key, draft)
      return () => resolve(value)
    } catch (error) {
      return () => reject(error)
    }
  })
  return { changes: [...changed.values()], outcomes }
}
