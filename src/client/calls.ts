import type { Contact, Json } from '../core/contact.ts'
import { type Hashes, isAcknowledged, isDuplicate } from '../core/ledger.ts'
import type { Clock } from '../core/ports.ts'
import { type Batch, covers, type Entry, isSame, joinFields } from './entry.ts'
import { hashOf, ledgerOf, type Records } from './records.ts'

export type Call =
  /** Stays a duplicate until then, in milliseconds since the epoch. */
  | { kind: 'duplicate'; until: number }
  /** `batches` is where the call belongs: the entry's own, or those of the wire that already carries all of it. */
  | { kind: 'waiting'; batches: Batch[]; changed: boolean }

/** Decides whether a call is a duplicate; if not, joins it to what waits for this contact. */
export const recordCall = (
  entry: Entry,
  records: Records,
  { contact, force, clock, ttlMs }: { contact: Contact; force: boolean; clock: Clock; ttlMs: number },
): Call => {
  const { id } = entry
  const ledger = ledgerOf(records, id)
  const stored = records.outbox.get(id)
  const waiting = joinFields(stored, entry.fields)
  const fields = Object.entries(contact) as [string, Json][]
  const hashes: Hashes = {}
  const unacknowledged: Hashes = {}
  const now = clock.now()
  let calledAt = now
  let until = now + ttlMs
  let forced = force
  for (const [field, value] of fields) {
    const digest = hashOf(records, value)
    const known = ledger[field]
    const other = waiting[field]
    hashes[field] = digest
    if (other) unacknowledged[field] = hashOf(records, other[0])
    // A call is later than all that it can see, whatever the device's clock does.
    calledAt = Math.max(calledAt, (known?.[2] ?? 0) + 1, (other?.[1] ?? 0) + 1)
    if (known) until = Math.min(until, known[1] + ttlMs)
    // Known but expired: somebody else may have changed it, and the proxy's own ledger must not call it unchanged.
    if (known?.[0] === digest && !isAcknowledged(known, digest, now, ttlMs)) forced = true
  }
  if (!forced && isDuplicate({ ledger, hashes, unacknowledged, now, ttlMs })) return { kind: 'duplicate', until }

  let changed = false
  for (const [field, value] of fields) {
    const own = entry.fields[field]
    if (!own || !isSame(own[0], value) || (forced && !own[2])) changed = true
    entry.fields[field] = [value, calledAt, forced || own?.[2] ? 1 : undefined]
  }
  records.outbox.set(id, joinFields(stored, entry.fields))
  const carried = [...entry.wires].find((wire) =>
    fields.every(([field]) => covers(wire.fields[field], entry.fields[field] as NonNullable<Entry['fields'][string]>)),
  )
  return { kind: 'waiting', batches: carried && !changed ? carried.batches : entry.batches, changed }
}
