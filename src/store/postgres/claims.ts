import type { Pool } from 'pg'
import { isPending, leaseRow, type Row } from '../row.ts'
import type { Claim } from '../store.ts'
import { movePointers, type Pointers } from './pointers.ts'
import type { Found, Rows } from './rows.ts'
import { inTransaction } from './transaction.ts'

export interface Claims {
  /** What was leased, the oldest first, and the database's time. */
  take(limit: number): Promise<{ claims: Claim[]; now: number }>
}

/** Somebody else is at work on the row, and sets the pointer as it should be. */
const busyMs = 1_000
const unreadableMs = 3_600_000

/**
 * Leases what pg-boss's jobs point at. Taking a job, leasing its row and removing the job is one transaction: whoever dies
 * in it has done nothing.
 */
export const createClaims = (pool: Pool, rows: Rows, pointers: Pointers): Claims => {
  const takeOnce = (limit: number): Promise<{ claims: Claim[]; now: number; isFull: boolean }> =>
    inTransaction(pool, async (client, commitWith) => {
      const keys = await pointers.take(client, limit)
      // Rows that are locked are left alone: waiting for them while holding their jobs could be waiting for each other.
      const locked = await rows.lock(client, [...keys].sort(), keys.length, { skip: true })
      const { now } = locked
      if (!keys.length) return { claims: [], now, isFull: false }

      const due: (Found & { externalId: string })[] = []
      const others: Found[] = []
      const gone: string[] = []
      /** Everything that was taken has to be set or removed; `wake` where the row itself does not tell. */
      const waiting: { key: string; wake: number }[] = []
      for (const key of keys) {
        try {
          const found = locked.find(key)
          if (!found && locked.exists(key)) waiting.push({ key, wake: now + busyMs })
          else if (!found) gone.push(key)
          else if (found.externalId !== undefined && isDue(found.row, now))
            due.push({ ...found, externalId: found.externalId, pointer: now })
          // `NaN` is no time that a row could have: the job is removed, or set anew.
          else others.push({ ...found, pointer: Number.NaN })
        } catch {
          waiting.push({ key, wake: now + unreadableMs })
        }
      }
      due.sort((a, b) => a.row.wake - b.row.wake || a.row.version - b.row.version)
      const claims = due.map(({ row, externalId }) => leaseRow(row, externalId, locked.next(), now))
      const moves = Promise.all([
        movePointers(client, pointers, [...due, ...others]),
        pointers.remove(client, gone),
        pointers.set(client, waiting),
      ])
      await commitWith(rows.writeLeases(client, due), moves)
      return { claims, now, isFull: keys.length === limit }
    })

  return {
    take: async (limit) => {
      const claims: Claim[] = []
      for (;;) {
        const taken = await takeOnce(limit - claims.length)
        claims.push(...taken.claims)
        // Jobs that pointed at nothing may have stood before others.
        if (!taken.isFull || claims.length >= limit) return { claims, now: taken.now }
      }
    },
  }
}

const isDue = (row: Row, now: number): boolean => isPending(row) && row.wake <= now
