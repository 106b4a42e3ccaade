import { hash, randomId } from '../core/hash.ts'
import { type Clock, systemClock } from '../core/ports.ts'
import { type Entry, entryOf } from './entry.ts'
import {
  createRow,
  isPending,
  isRevoking,
  leaseMs,
  leaseRow,
  lookAt,
  putInto,
  type Row,
  releaseRow,
  settleRow,
  withdrawFrom,
} from './row.ts'
import { dropRow, purgeRow, requeueRow } from './row-operator.ts'
import type { Claim, Store } from './store.ts'

/** How `memory` keeps rows. */
export interface MemoryOptions {
  /** Rows kept of contacts of whom nothing is pending; the oldest go first. @defaultValue 10000 */
  maxRows?: number | undefined
  /** Tells the time of what is kept. @defaultValue the system's */
  clock?: Clock | undefined
}

/**
 * Keeps rows in this isolate alone: for tests and for runtimes without a disk. What fails is withdrawn, so that a 503
 * is the truth; numbers and ledger are best effort and bounded. A lease lasts until it is ended: nobody else is there.
 */
export const memory = ({ maxRows = 10_000, clock = systemClock }: MemoryOptions = {}): Store => {
  const rows = new Map<string, Row>()
  /** Pending and free, oldest first. */
  const due = new Set<string>()
  const salt = randomId()
  let versions = 0
  let leases = 0
  const context = () => ({ now: clock.now(), hash: (text: string) => hash(salt, text) })

  const prune = (): void => {
    for (const [id, row] of rows) {
      if (rows.size <= maxRows) return
      if (!isPending(row) && !isRevoking(row, clock.now())) rows.delete(id)
    }
  }

  const rowOf = (id: string): Row => {
    const row = rows.get(id) ?? createRow()
    rows.delete(id)
    rows.set(id, row)
    return row
  }

  const lease = (externalId: string, row: Row): Claim => {
    due.delete(externalId)
    return leaseRow(row, externalId, ++leases, clock.now())
  }

  /** Runs `change` on the row of a claim whose lease still stands. */
  const end = (claim: Claim, change: (row: Row) => void): void => {
    const row = rows.get(claim.externalId)
    if (!row || row.lease !== claim.lease) return
    change(row)
    if (isPending(row)) due.add(claim.externalId)
  }

  const entryAt = (externalId: string, row: Row): Entry =>
    entryOf({ id: hash(salt, `id:${externalId}`), externalId }, row, clock.now())

  const entries = (): Entry[] => [...rows].filter(([, row]) => isPending(row)).map((one) => entryAt(...one))

  return {
    isDurable: false,
    leaseMs,
    put: async (update, options) => {
      const { externalId } = update
      const row = rowOf(externalId)
      const result = putInto(row, update, context(), () => ++versions)
      prune()
      if (result.kind !== 'stored') return result
      if (row.lease !== undefined) return { ...result, claim: undefined, waits: 'leased' }
      due.add(externalId)
      return { ...result, waits: undefined, claim: options.claim ? lease(externalId, row) : undefined }
    },
    claim: async (limit) => {
      const claims: Claim[] = []
      for (const id of due) {
        if (claims.length >= limit) break
        claims.push(lease(id, rows.get(id) as Row))
      }
      return claims
    },
    look: async (claim) => lookAt(rows.get(claim.externalId), claim),
    done: async (claim) => end(claim, (row) => settleRow(row, claim, context())),
    park: async (claim, fields, reason) =>
      end(claim, (row) => {
        settleRow(row, claim, context(), { fields, reason })
        // Nothing accepted: the page was told.
        row.parked = {}
      }),
    retry: async (claim) => end(claim, (row) => withdrawFrom(row, claim, clock.now())),
    release: async (claims) => {
      for (const claim of claims) end(claim, (row) => releaseRow(row, clock.now()))
    },
    withdraw: (externalId, version) => {
      const row = rows.get(externalId)
      if (!row || row.lease !== undefined) return
      withdrawFrom(row, { version }, clock.now())
      if (!isPending(row)) due.delete(externalId)
    },
    purge: async (externalId, notBefore) => {
      rows.set(externalId, purgeRow(rows.get(externalId), notBefore))
      due.delete(externalId)
    },
    stats: async () => {
      const pending = [...rows.values()].filter(isPending)
      const oldest = pending.reduce((least, { pendingSince }) => Math.min(least, pendingSince), Infinity)
      return { pending: pending.length, parked: 0, ...(pending.length && { oldestPendingSince: oldest }) }
    },
    list: async ({ after = '', prefix = '', limit }) =>
      entries()
        .filter(({ id }) => id > after && id.startsWith(prefix))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit),
    requeue: async (id) => {
      const externalId = entries().find((entry) => entry.id === id)?.externalId
      const row = externalId !== undefined && rows.get(externalId)
      if (!row) return undefined
      requeueRow(row, clock.now(), () => ++versions)
      return entryAt(externalId, row)
    },
    drop: async (id) => {
      const entry = entries().find((one) => one.id === id)
      const row = entry?.externalId !== undefined && rows.get(entry.externalId)
      if (!row) return undefined
      dropRow(row, clock.now())
      due.delete(entry.externalId as string)
      return entry
    },
    check: async () => {},
    close: async () => {},
  }
}
