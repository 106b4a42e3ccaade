import type { Contact, Fields, Json } from '../core/contact.ts'
import { hash, randomId } from '../core/hash.ts'
import { acknowledge, isAcknowledged, type Ledger, markSent } from '../core/ledger.ts'
import { type Clock, systemClock } from '../core/ports.ts'
import type { Claim, Store } from './store.ts'

interface Row {
  /** Undelivered values with the version that brought them; `external_id` stands for the contact itself. */
  payload: Map<string, { value: Json; version: number }>
  version: number
  lease: number | undefined
  ledger: Ledger
  /** Last number by client, the latest client last. */
  numbers: Map<string, number>
}

const clientsPerRow = 8
const ledgerTtlMs = 86_400_000

/**
 * Keeps rows in this isolate alone: for tests and for runtimes without a disk. What fails is withdrawn, so that a 503
 * is the truth; numbers and ledger are best effort and bounded.
 * @param maxRows rows kept when nothing of them is pending; the oldest go first. Default 10 000
 */
export const memory = ({ maxRows = 10_000, clock = systemClock }: { maxRows?: number; clock?: Clock } = {}): Store => {
  const rows = new Map<string, Row>()
  const due = new Set<string>()
  const salt = randomId()
  let versions = 0
  let leases = 0

  const prune = (): void => {
    for (const [id, row] of rows) {
      if (rows.size <= maxRows) return
      if (!row.payload.size) rows.delete(id)
    }
  }

  const rowOf = (id: string): Row => {
    const row = rows.get(id) ?? { payload: new Map(), version: 0, lease: undefined, ledger: {}, numbers: new Map() }
    rows.delete(id)
    rows.set(id, row)
    return row
  }

  const lease = (externalId: string, row: Row): Claim => {
    due.delete(externalId)
    row.lease = ++leases
    const fields: Fields = {}
    for (const [field, { value }] of row.payload) if (field !== 'external_id') Object.assign(fields, { [field]: value })
    return { externalId, version: row.version, fields, attempts: 0, lease: row.lease }
  }

  /** Runs `change` for each field of a claim whose lease still stands, unless a newer version has replaced it. */
  const finish = (claim: Claim, change: (row: Row, field: string, value: Json) => void): void => {
    const row = rows.get(claim.externalId)
    if (!row || row.lease !== claim.lease) return
    row.lease = undefined
    for (const [field, { value, version }] of [...row.payload]) {
      if (version > claim.version) continue
      row.payload.delete(field)
      change(row, field, value)
    }
    if (row.payload.size) due.add(claim.externalId)
  }

  return {
    isDurable: false,
    put: async ({ externalId, fields, id }, options) => {
      const row = rowOf(externalId)
      const last = id && row.numbers.get(id.client)
      if (id && !id.force && last !== undefined && id.number < last) return { kind: 'superseded', number: last }
      if (id) {
        row.numbers.delete(id.client)
        row.numbers.set(id.client, Math.max(id.number, last ?? 0))
        if (row.numbers.size > clientsPerRow) row.numbers.delete(row.numbers.keys().next().value as string)
      }
      const now = clock.now()
      const contact: Contact = { external_id: externalId, ...fields }
      const isKnown = Object.entries(contact).every(
        ([field, value]) =>
          !row.payload.has(field) &&
          isAcknowledged(row.ledger[field], hash(salt, JSON.stringify(value)), now, ledgerTtlMs),
      )
      if (!id?.force && isKnown) return { kind: 'unchanged' }
      row.version = ++versions
      for (const [field, value] of Object.entries(contact)) {
        row.payload.set(field, { value, version: row.version })
        markSent(row.ledger, field, now)
      }
      prune()
      if (row.lease === undefined) due.add(externalId)
      const isClaimed = options.claim && row.lease === undefined
      return { kind: 'stored', version: row.version, claim: isClaimed ? lease(externalId, row) : undefined }
    },
    claim: async (limit) => {
      const claims: Claim[] = []
      for (const id of due) {
        if (claims.length >= limit) break
        claims.push(lease(id, rows.get(id) as Row))
      }
      return claims
    },
    done: async (claim) => {
      const now = clock.now()
      finish(claim, ({ ledger }, field, value) =>
        acknowledge(ledger, field, hash(salt, JSON.stringify(value)), now, now),
      )
    },
    park: async (claim, refused) => {
      const now = clock.now()
      finish(claim, ({ ledger }, field, value) => {
        if (!refused.includes(field as keyof Contact))
          acknowledge(ledger, field, hash(salt, JSON.stringify(value)), now, now)
      })
    },
    retry: async (claim) => finish(claim, () => {}),
    release: async (claims) => {
      for (const { externalId, lease } of claims) {
        const row = rows.get(externalId)
        if (row?.lease !== lease) continue
        row.lease = undefined
        due.add(externalId)
      }
    },
    withdraw: (externalId, upTo) => {
      const row = rows.get(externalId)
      if (!row || row.lease !== undefined) return
      for (const [field, { version }] of [...row.payload]) if (version <= upTo) row.payload.delete(field)
      if (!row.payload.size) due.delete(externalId)
    },
    close: async () => {},
  }
}
