import { statSync } from 'node:fs'
import { type Clock, systemClock } from '../core/ports.ts'
import { type Entry, entryOf } from './entry.ts'
import { leaseMs, leaseRow, lookAt, postponeRow, putInto, type Row, releaseRow, settleRow } from './row.ts'
import { dropRow, purgeRow, requeueRow } from './row-operator.ts'
import { createConnection } from './sqlite/connection.ts'
import { createGroupCommit } from './sqlite/group-commit.ts'
import { createMoving } from './sqlite/moving.ts'
import { fullError, hasDiskRoom, isTemporary } from './sqlite/open.ts'
import type { Found, Rows } from './sqlite/rows.ts'
import type { Claim, Store } from './store.ts'

/** Where the rows are, and who may use them, for `sqlite`. */
export interface SqliteOptions {
  /** The file, on a local disk: made when missing, readable by its owner only, and used by one proxy at a time, see `shared`. */
  path: string
  /**
   * The most that may wait, in bytes of the file; `put` rejects then until deliveries make room. It does so on any disk with
   * less than 4 MB left besides what the log takes: deliveries need that to make room. @defaultValue no limit
   */
  maxBytes?: number | undefined
  /** The longest that a finished delivery waits to be written together with others, in milliseconds. @defaultValue 20 */
  collectMs?: number | undefined
  /** False: a file that is missing or is no store is refused and left as it is. @defaultValue true */
  create?: boolean | undefined
  /** True: also while a proxy uses the file, to look into it and mend it as `orq-identify queue` does. @defaultValue false */
  shared?: boolean | undefined
  /**
   * How long to wait for another proxy that uses the file to end, in milliseconds; the process does nothing else meanwhile.
   * @defaultValue 12000, longer than a proxy takes that was told to stop
   */
  waitMs?: number | undefined
  /** Of a file that is made: what its hashes are keyed with, 32 bytes. @defaultValue random; for a successor see `Moving` */
  key?: Uint8Array | undefined
  /** Tells the time of what is kept: back-offs, leases, and how long a row is known. @defaultValue the system's */
  clock?: Clock | undefined
}

const dayMs = 86_400_000
const keptMs = 7 * dayMs
const pruneEveryMs = 60_000
const rowsPerPrune = 10_000

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/**
 * Keeps rows in one SQLite file: what `put` has resolved survives a power cut. While the disk is full or read-only every
 * call rejects, and it goes on by itself when that is over.
 * @throws OrqError `STORE_UNUSABLE` for a file that is damaged, of a later version, used by another proxy, refused by
 * `create`, or cannot be opened
 */
export const sqlite = (options: SqliteOptions): Store => {
  const { path, maxBytes, create, key, shared = false, waitMs = 12_000, collectMs = 20, clock = systemClock } = options
  const connection = createConnection({ path, maxBytes, create, key, clock, waitMs: shared ? undefined : waitMs })
  const { rows } = connection
  try {
    connection.open()
  } catch (error) {
    if (!isTemporary(error)) {
      connection.close()
      throw error
    }
  }
  let sequence = 0
  let written = 0
  /** For puts, in this transaction. */
  let hasRoom = true
  const commits = createGroupCommit({
    connect: () => connection.open(),
    onFailure: connection.failed,
    begin: () => {
      connection.sawClock()
      sequence = written = rows().readSequence()
      hasRoom = hasDiskRoom(path)
    },
    end: () => {
      // A transaction that wrote nothing costs no fsync.
      if (sequence !== written) rows().writeSequence(sequence)
    },
    onCommit: () => {
      connection.committed()
      if (!hasRoom) connection.makeRoom()
    },
    collectMs,
  })
  const context = () => ({ now: clock.now(), hash: rows().hash })

  /** Runs `change` on the row of a claim whose lease still stands. */
  const end = (claim: Claim, change: (row: Row) => void): void => {
    const found = rows().find(claim.externalId)
    if (found?.row.lease !== claim.lease) return
    change(found.row)
    rows().write(found, claim.externalId, clock.now())
  }

  /** Outside of any transaction of ours: who reads holds up nobody who writes, however much there is to read. */
  const read = async <T>(job: (all: Rows) => T): Promise<T> => {
    try {
      connection.open()
      return job(rows())
    } catch (error) {
      connection.failed(error)
      throw error
    }
  }

  const entryAt = ({ key, externalId, row }: Found): Entry =>
    entryOf({ id: Buffer.from(key).toString('hex'), externalId }, row, clock.now())

  const prune = (): void => {
    cancelPrune = clock.after(pruneEveryMs, prune)
    commits.later(() => rows().prune(clock.now() - keptMs, rowsPerPrune)).catch(() => {})
  }
  let cancelPrune = clock.after(pruneEveryMs, prune)

  return {
    isDurable: true,
    leaseMs,
    put: (update, options) =>
      commits.soon(() => {
        const { externalId, id } = update
        const found = rows().find(externalId) ?? rows().create(externalId)
        const now = clock.now()
        const result = putInto(found.row, update, context(), () => ++sequence)
        if (result.kind !== 'stored') {
          if (result.kind === 'unchanged' && id) rows().write(found, externalId, now)
          return result
        }
        if (!hasRoom || (maxBytes !== undefined && rows().usedBytes() > maxBytes)) throw fullError()
        const isClaimed = options.claim && result.waits === undefined
        const claim = isClaimed ? leaseRow(found.row, externalId, ++sequence, now) : undefined
        rows().write(found, externalId, now)
        return { ...result, claim }
      }),
    claim: (limit) =>
      commits.soon(() => {
        const now = clock.now()
        if (connection.wasClockSetBack()) rows().mendTimes(now)
        return rows()
          .due(now, limit)
          .map((found) => {
            const externalId = found.externalId as string
            const claim = leaseRow(found.row, externalId, ++sequence, now)
            rows().writeLease(found)
            return claim
          })
      }),
    look: (claim) => commits.soon(() => lookAt(rows().find(claim.externalId)?.row, claim)),
    done: (claim) => commits.later(() => end(claim, (row) => settleRow(row, claim, context()))),
    park: (claim, fields, reason) =>
      commits.later(() => end(claim, (row) => settleRow(row, claim, context(), { fields, reason }))),
    retry: (claim, due, reason) => {
      // Taken now: the clock may be set before it is written.
      const waitMs = due - clock.now()
      return commits.later(() =>
        end(claim, (row) => {
          const now = clock.now()
          postponeRow(row, now + waitMs, reason, now)
        }),
      )
    },
    release: (claims) =>
      commits.soon(() => {
        for (const claim of claims) end(claim, (row) => releaseRow(row, clock.now()))
      }),
    purge: (externalId, notBefore) =>
      commits.soon(() => {
        const { row } = rows().readable(externalId) ?? {}
        rows().write({ ...rows().create(externalId), row: purgeRow(row, notBefore) }, externalId, clock.now())
      }),
    stats: () =>
      read((all) => {
        const { oldestPendingSince, ...counts } = all.count()
        return { ...counts, ...(oldestPendingSince !== null && { oldestPendingSince }) }
      }),
    pseudonym: (externalId) => {
      try {
        return rows().pseudonym(externalId)
      } catch {
        return undefined
      }
    },
    fileBytes: () => ({ file: sizeOf(path), log: sizeOf(`${path}-wal`) }),
    list: (query) => read((all) => all.list(query).map(entryAt)),
    requeue: (id) =>
      commits.soon(() => {
        const [found] = rows().list({ prefix: id, limit: 1 })
        if (found?.externalId === undefined) return found && entryAt(found)
        requeueRow(found.row, clock.now(), () => ++sequence)
        rows().write(found, found.externalId, clock.now())
        return entryAt(found)
      }),
    drop: (id) =>
      commits.soon(() => {
        const [found] = rows().list({ prefix: id, limit: 1 })
        if (!found) return undefined
        const entry = entryAt(found)
        dropRow(found.row, clock.now())
        // Of an empty row the id is not written.
        rows().write(found, found.externalId ?? '', clock.now())
        return entry
      }),
    moving: createMoving({ read, rows, commits, clock, nextVersion: () => ++sequence }),
    check: () =>
      commits.soon(() => {
        // A value as it was before is not written at all: a full disk would stay unnoticed.
        sequence++
      }),
    close: async () => {
      cancelPrune()
      commits.flush()
      connection.close()
    },
  }
}
