import type { ClientBase } from 'pg'
import { isPending, leaseRow, type Row } from '../row.ts'
import type { Claim } from '../store.ts'
import type { Database } from './database.ts'
import { movePointers, type Pointers } from './pointers.ts'
import type { Found, Rows } from './rows.ts'

/** What was leased, the oldest first, and the database's time. */
export interface Taken {
  claims: Claim[]
  now: number
}

export interface Claims {
  take(limit: number): Promise<Taken>
}

/** Somebody else is at work on the row, and sets the pointer as it should be. */
const busyMs = 1_000
const unreadableMs = 3_600_000
const lapsedPart = 4
/** Jobs that point at nothing due are gone through, but who asked has other things to do, and asks again. */
const mostRounds = 20

const isDue = (row: Row, now: number): boolean => isPending(row) && row.wake <= now

/**
 * Leases what pg-boss's jobs point at, and what a dead process held. Taking a job, leasing its row and removing the job
 * is one transaction: whoever dies in it has done nothing.
 */
export const createClaims = (database: Database, rows: Rows, pointers: Pointers): Claims => {
  /** Of a backlog it is a part that dead processes held: however long it is, they do not wait behind it. */
  const keysOf = async (client: ClientBase, limit: number): Promise<{ keys: string[]; isFull: boolean }> => {
    const lapsed = await rows.lapsed(client, Math.ceil(limit / lapsedPart))
    const room = limit - lapsed.length
    const pointed = room ? await pointers.take(client, room) : []
    return { keys: [...new Set([...lapsed, ...pointed])], isFull: room > 0 && pointed.length === room }
  }

  const takeOnce = (limit: number): Promise<Taken & { isFull: boolean }> =>
    database.transact(async (client, commitWith) => {
      const { keys, isFull } = await keysOf(client, limit)
      const locked = await rows.lock(client, keys, keys.length)
      const { now } = locked
      if (!keys.length) return { claims: [], now, isFull }

      // What has been taken may not stay so: every job of these is removed or set anew.
      const due: (Found & { externalId: string })[] = []
      const others: Found[] = []
      const gone: string[] = []
      const busy: string[] = []
      const unreadable: string[] = []
      for (const key of keys) {
        try {
          const found = locked.find(key)
          if (!found) (locked.isHeld(key) ? busy : gone).push(key)
          else if (found.externalId !== undefined && isDue(found.row, now))
            due.push({ ...found, externalId: found.externalId, pointer: now })
          // `NaN` is no time that a row could have.
          else others.push({ ...found, pointer: Number.NaN })
        } catch {
          unreadable.push(key)
        }
      }
      due.sort((a, b) => a.row.wake - b.row.wake || a.row.version - b.row.version)
      const claims = due.map(({ row, externalId }) => leaseRow(row, externalId, locked.next(), now))
      const later = { wake: now + unreadableMs, span: unreadableMs, lease: undefined }
      const leases = [...due.map(({ key, row }) => ({ ...row, key })), ...unreadable.map((key) => ({ ...later, key }))]
      await commitWith(
        rows.writeLeases(client, leases),
        Promise.all([
          movePointers(client, pointers, [...due, ...others]),
          pointers.remove(client, gone),
          pointers.set(client, [
            ...busy.map((key) => ({ key, wake: now + busyMs })),
            ...unreadable.map((key) => ({ key, wake: later.wake })),
          ]),
        ]),
      )
      return { claims, now, isFull }
    })

  return {
    take: async (limit) => {
      const claims: Claim[] = []
      let now = 0
      for (let rounds = 0; rounds < mostRounds; rounds++) {
        const taken = await takeOnce(limit - claims.length).catch((error) => {
          // Those that there are must not wait for the end of their leases.
          if (!claims.length) throw error
          return { claims: [], now, isFull: false }
        })
        claims.push(...taken.claims)
        now = taken.now
        // Jobs that pointed at nothing due may have stood before others.
        if (!taken.isFull || claims.length >= limit) break
      }
      return { claims, now }
    },
  }
}
