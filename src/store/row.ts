import type { Contact, Fields, Json } from '../core/contact.ts'
import { acknowledge, isAcknowledged, type Ledger, type LedgerEntry } from '../core/ledger.ts'
import type { Claim, PutResult, Update } from './store.ts'

/**
 * Undelivered values with the version that brought each, and when it was accepted; `external_id` stands for the contact
 * itself.
 */
export type Payload = { [field in keyof Contact]?: [value: Json, version: number, acceptedAt: number] }

/** What upstream refused: value, status and code, when, and when it was accepted. */
export type Parked = { [field in keyof Contact]?: [value: Json, reason: string, at: number, acceptedAt: number] }

/** What a store keeps of one contact. The rules are here, where to keep it is the store's business. */
export interface Row {
  /** What is undelivered; empty when nothing is. */
  payload: Payload
  /** Of the last update that was stored. */
  version: number
  /** How often what is undelivered has failed. */
  attempts: number
  /** Since when something is undelivered. Means nothing without a payload. */
  pendingSince: number
  /** When the row may be claimed: due, or the end of its lease. Means nothing without a payload. */
  wake: number
  /** How long before `wake` it was set: a row that waits longer than that saw the clock set back. */
  span: number
  /** Whose it is to deliver now, by a number of its own; undefined while it is nobody's. */
  lease: number | undefined
  /** Why the last attempt failed: a status and a code. */
  reason: string | undefined
  /** What waits for a person, or for a newer value. */
  parked: Parked
  /** `calledAt` is when the value was accepted. */
  ledger: Ledger
  /** Last number by client, the latest client last. */
  numbers: [client: string, number: number][]
  /** Tokens made before this write nothing; set by a purge. */
  notBefore: number | undefined
}

/** What a rule needs besides the row. */
export interface RowContext {
  now: number
  /** Keyed: without the store's key it tells nothing about the value. */
  hash(text: string): string
}

export const leaseMs = 30_000

export const clientsPerRow = 8
const ledgerTtlMs = 86_400_000
/** The longest that any token lives. */
const notBeforeTtlMs = 86_400_000

export const createRow = (): Row => ({
  payload: {},
  version: 0,
  attempts: 0,
  pendingSince: 0,
  wake: 0,
  span: 0,
  lease: undefined,
  reason: undefined,
  parked: {},
  ledger: {},
  numbers: [],
  notBefore: undefined,
})

export const fieldsOf = (of: object): (keyof Contact)[] => Object.keys(of) as (keyof Contact)[]

export const isPending = ({ payload }: Row): boolean => fieldsOf(payload).length > 0

/** Whether a not-before is still to be kept. */
export const isRevoking = ({ notBefore }: Row, now: number): boolean =>
  notBefore !== undefined && now < notBefore + notBeforeTtlMs

/** Whether nobody holds the row and no back-off runs. A back-off that began in the future is a clock set back. */
export const isDue = ({ wake, span, lease }: Row, now: number): boolean =>
  wake <= now || (lease === undefined && wake - span > now)

export const wakeNow = (row: Row, now: number): void => {
  row.lease = undefined
  row.wake = now
  row.span = 0
}

/**
 * What a row keeps when its content goes. Whoever holds it has lost what it claimed, but may have it on the wire: what comes
 * next must not be overtaken by that, and waits until the holder ends, or its lease does.
 */
export const holdOf = (row: Row): Pick<Row, 'lease' | 'span'> =>
  row.lease === undefined
    ? { lease: undefined, span: 0 }
    : { lease: row.lease, span: isPending(row) ? row.wake : row.span }

/** To be done before something is added to what is undelivered. */
export const beginPending = (row: Row, now: number): void => {
  if (isPending(row)) return
  // Of a row whose content went while it was held, `span` is the end of that lease.
  const { lease, span: heldUntil } = row
  wakeNow(row, now)
  if (lease !== undefined && heldUntil > now) {
    row.lease = lease
    row.wake = Math.min(heldUntil, now + leaseMs)
    row.span = row.wake - now
  }
  row.pendingSince = now
  row.attempts = 0
}

/**
 * Joins an update into the row.
 * @param nextVersion called once when something is written
 */
export const putInto = (
  row: Row,
  { externalId, fields, id, issuedAt }: Update,
  { now, hash }: RowContext,
  nextVersion: () => number,
): PutResult => {
  if (isRevoking(row, now) && !(issuedAt !== undefined && issuedAt >= (row.notBefore as number)))
    return { kind: 'revoked' }
  const last = id && row.numbers.find(([client]) => client === id.client)?.[1]
  if (id && !id.force && last !== undefined && id.number < last) return { kind: 'superseded', number: last }
  if (id) {
    const others = row.numbers.filter(([client]) => client !== id.client)
    row.numbers = [...others.slice(-(clientsPerRow - 1)), [id.client, Math.max(id.number, last ?? 0)]]
  }
  const contact = { external_id: externalId, ...fields } as Record<keyof Contact, Json>
  const isKnown = (field: keyof Contact): boolean => {
    const entry = row.ledger[field]
    return (
      !row.payload[field] && !!entry && isAcknowledged(entry, hash(JSON.stringify(contact[field])), now, ledgerTtlMs)
    )
  }
  if (!id?.force && fieldsOf(contact).every(isKnown)) {
    for (const field of fieldsOf(contact)) (row.ledger[field] as LedgerEntry)[2] = now
    return { kind: 'unchanged' }
  }
  beginPending(row, now)
  row.version = nextVersion()
  for (const field of fieldsOf(contact)) {
    row.payload[field] = [contact[field], row.version, now]
    delete row.parked[field]
    // Whatever becomes of it, what upstream has is unknown from now on.
    delete row.ledger[field]
  }
  const waits = isDue(row, now) ? undefined : row.lease === undefined ? 'later' : 'leased'
  return { kind: 'stored', version: row.version, waits }
}

/** Leases a row that is due. */
export const leaseRow = (row: Row, externalId: string, lease: number, now: number): Claim => {
  row.lease = lease
  row.wake = now + leaseMs
  row.span = leaseMs
  const fields: Fields = {}
  for (const field of fieldsOf(row.payload))
    if (field !== 'external_id') Object.assign(fields, { [field]: row.payload[field]?.[0] })
  const { version, attempts, pendingSince } = row
  return { externalId, version, fields, attempts, pendingSince, lease }
}

export const lookAt = (row: Row | undefined, claim: Claim): 'current' | 'newer' | 'lost' => {
  if (row?.lease !== claim.lease) return 'lost'
  // Nobody but its holder takes out what is claimed: it was dropped.
  if (!isPending(row) || fieldsOf(claim.fields).some((field) => !row.payload[field])) return 'lost'
  return row.version > claim.version ? 'newer' : 'current'
}

/** Takes the claim's values out of the payload, unless a newer version has replaced them, and ends the lease. */
export const takeOut = (row: Row, claim: { version: number; fields?: Fields }, now: number): Payload => {
  const taken: Payload = {}
  for (const field of fieldsOf(row.payload)) {
    const one = row.payload[field] as [Json, number, number]
    const isClaimed = field === 'external_id' || !claim.fields || field in claim.fields
    if (one[1] > claim.version || !isClaimed) continue
    delete row.payload[field]
    taken[field] = one
  }
  wakeNow(row, now)
  row.pendingSince = now
  row.attempts = 0
  row.reason = undefined
  return taken
}

/** Ends a claim: upstream has its values, but for those it refused. Only while the lease stands. */
export const settleRow = (
  row: Row,
  claim: Claim,
  { now, hash }: RowContext,
  refused?: { fields: readonly (keyof Contact)[]; reason: string },
): void => {
  const taken = takeOut(row, claim, now)
  for (const field of fieldsOf(taken)) {
    const [value, , acceptedAt] = taken[field] as [Json, number, number]
    if (refused?.fields.includes(field)) row.parked[field] = [value, refused.reason, now, acceptedAt]
    else acknowledge(row.ledger, field, [hash(JSON.stringify(value)), now, acceptedAt])
  }
}

/** Ends a claim: not before `due`. */
export const postponeRow = (row: Row, due: number, reason: string, now: number): void => {
  if (!isPending(row)) return wakeNow(row, now)
  row.lease = undefined
  row.wake = due
  row.span = Math.max(0, due - now)
  row.attempts++
  row.reason = reason
}

/** Ends a claim as if it had not been taken. */
export const releaseRow = (row: Row, now: number): void => wakeNow(row, now)

/** Where nothing is durable, what failed is forgotten. */
export const withdrawFrom = (row: Row, claim: { version: number; fields?: Fields }, now: number): void => {
  takeOut(row, claim, now)
}
