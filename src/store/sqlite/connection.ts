import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../core/ports.ts'
import { type FileLock, lockFile } from './lock.ts'
import { isBroken, isDamage, type OpenOptions, openDatabase } from './open.ts'
import { createRows, type Rows } from './rows.ts'

export interface Connection {
  /** The open file; opens it again where it broke, at most once a second. @throws what opening throws */
  open(): DatabaseSync
  /** The rows of the open file. */
  rows(): Rows
  /** To be called in each transaction: times that are written now are wrong if the clock is set back later. */
  sawClock(): void
  /**
   * Whether rows may have been put off by a clock that was ahead: after opening and after each step back, until a transaction
   * that has asked is committed.
   */
  wasClockSetBack(): boolean
  /** A transaction has ended: if it wrote something, the log is emptied when it becomes quiet. */
  committed(): void
  /** The disk is nearly full: empties the log without waiting for a quiet moment, at most once a second. */
  makeRoom(): void
  /** A transaction failed. */
  failed(error: unknown): void
  close(): void
}

const idleMs = 1_000
/** Without a quiet moment the log is emptied this often: it holds what has been delivered since. */
const busyMs = 15_000
const reopenMs = 1_000
/** A clock is slewed by less between two looks. */
const stepMs = 1_000

export interface ConnectionOptions extends Omit<OpenOptions, 'beforeOpening'> {
  clock: Clock
  /** How long the first opening waits for another proxy to end; undefined: the file is shared with it. */
  waitMs: number | undefined
}

export const createConnection = (options: ConnectionOptions): Connection => {
  const { clock } = options
  let current: { database: DatabaseSync; rows: Rows } | undefined
  let failure: { error: unknown; at: number } | undefined
  let isClosed = false
  /** Held from the first opening to the end, also while there is no connection. */
  let lock: FileLock | undefined
  let { waitMs } = options
  /** How far the clock was ahead of the monotonic one, at most. */
  let ahead = Number.POSITIVE_INFINITY
  /** The same, once this transaction is committed. */
  let aheadNext: number | undefined
  /** The key of the store that was open. */
  let reopens: Uint8Array | undefined
  /** Once damage is met: a start reads no large file to its end, and may not have seen it. */
  let check: 'none' | 'due' | 'passed' = 'none'
  let idle: ReturnType<typeof setTimeout> | undefined
  let writtenSince: number | undefined
  let writtenAt = 0
  let changes = 0
  let emptiedAt = 0

  /** A page of the log still holds what is deleted in the file. */
  const emptyLog = (): void => {
    writtenSince = undefined
    const run = (mode: 'PASSIVE' | 'TRUNCATE') =>
      current?.database.prepare(`PRAGMA wal_checkpoint(${mode})`).get() as
        | { busy: number; log: number; checkpointed: number }
        | undefined
    let isEmpty = false
    try {
      // First without waiting: TRUNCATE waits for who reads, and every request of this process with it.
      const passive = run('PASSIVE')
      isEmpty = !passive || (passive.log === passive.checkpointed && run('TRUNCATE')?.busy === 0)
    } catch {}
    // Another process reads, or the disk is full: tried again, for nobody may write any more, and values stay in the log.
    if (!isEmpty && !isClosed) idle ??= setTimeout(checkpoint, idleMs)
  }

  const checkpoint = (): void => {
    idle = undefined
    const waitMs =
      writtenSince === undefined ? 0 : Math.min(writtenAt + idleMs, writtenSince + busyMs) - performance.now()
    if (waitMs > 0) {
      idle = setTimeout(checkpoint, waitMs)
      return
    }
    emptyLog()
  }

  const drop = (): void => {
    try {
      current?.database.close()
    } catch {}
    current = undefined
  }

  const beforeOpening = (): void => {
    if (lock || waitMs === undefined) return
    const patienceMs = waitMs
    // Later there are requests, which every wait would hold up.
    waitMs = 0
    lock = lockFile(options.path, patienceMs)
  }

  const open = (): DatabaseSync => {
    if (current) return current.database
    if (isClosed) throw new Error('the store is closed')
    if (failure && performance.now() - failure.at < reopenMs) throw failure.error
    try {
      const database = openDatabase({ ...options, beforeOpening, reopens, checkAll: check === 'due' })
      current = { database, rows: createRows(database) }
      reopens = current.rows.secret
      ahead = Number.POSITIVE_INFINITY
      failure = undefined
      if (check === 'due') check = 'passed'
      return database
    } catch (error) {
      // What was read to its end and is damaged stays so: reading it again each second would hold up every request.
      const isFinal = check === 'due' && isDamage((error as Error).cause)
      failure = { error, at: isFinal ? Number.POSITIVE_INFINITY : performance.now() }
      throw error
    }
  }

  return {
    open,
    rows: () => {
      if (!current) throw failure?.error ?? new Error('the store is closed')
      return current.rows
    },
    sawClock: () => {
      aheadNext = undefined
      ahead = Math.max(ahead, clock.now() - clock.monotonic())
    },
    wasClockSetBack: () => {
      const offset = clock.now() - clock.monotonic()
      const isBack = offset < ahead - stepMs
      if (isBack) aheadNext = offset
      return isBack
    },
    committed: () => {
      ahead = aheadNext ?? ahead
      const before = changes
      changes = current?.rows.changes() ?? 0
      if (changes === before) return
      writtenAt = performance.now()
      writtenSince ??= writtenAt
      idle ??= setTimeout(checkpoint, idleMs)
    },
    makeRoom: () => {
      if (performance.now() - emptiedAt < idleMs) return
      emptiedAt = performance.now()
      emptyLog()
    },
    failed: (error) => {
      if (isBroken(error)) drop()
      if (check === 'none' && isDamage(error)) check = 'due'
    },
    close: () => {
      isClosed = true
      clearTimeout(idle)
      // Closing the last connection does it too; but another one may stay open and write nothing for hours.
      if (writtenSince !== undefined) emptyLog()
      drop()
      lock?.release()
      lock = undefined
    },
  }
}
