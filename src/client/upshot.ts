import { hash } from '../core/hash.ts'
import { acknowledge, isAcknowledged } from '../core/ledger.ts'
import type { Shared } from './intake.ts'
import { entryOf, type Line } from './line.ts'
import type { Lines } from './lines.ts'
import { ledgerOf, type WaitingFields } from './records.ts'

/** Takes fields out of the outbox; acknowledged, into the ledger. */
export type NoteUpshot = (line: Line, fields: WaitingFields, isKnown: boolean) => void

/** When after an acknowledgement it is looked at again, in milliseconds; the lock is held longer. */
const looks = [30, 60, 90]

/**
 * Writes what became of fields, so that it stays: storage has no transactions, and a tab that has read before us and
 * writes after us, a new call say, undoes what we wrote. So an acknowledgement is looked at again while nobody else may
 * send, and written again when it is gone.
 */
export const createUpshot = ({ store, clock, mayRun, dedupeTtlMs = 864e5 }: Shared, { save }: Lines): NoteUpshot => {
  const write: NoteUpshot = ({ id }, fields, isKnown) => {
    const records = store.recall()
    const stored = entryOf(records, id)
    for (const field of Object.keys(fields)) {
      const [json, calledAt] = fields[field]!
      if (!((stored[field]?.[1] ?? 0) > calledAt)) delete stored[field]
      if (isKnown) acknowledge(ledgerOf(records, id), field, hash(records.salt, json), clock.now(), calledAt)
    }
    save(records)
  }
  return (line, fields, isKnown) => {
    write(line, fields, isKnown)
    // Outside a document nobody shares our storage.
    if (!isKnown || typeof document === 'undefined') return
    const look = (): void => {
      const records = store.recall()
      const ledger = ledgerOf(records, line.id)
      const isGone = Object.keys(fields).some((field) => {
        const [json, calledAt] = fields[field]!
        const known = ledger[field]
        const isThere = isAcknowledged(known, hash(records.salt, json), clock.now(), dedupeTtlMs)
        return !isThere && !(known && known[2] > calledAt)
      })
      if (isGone && mayRun() && line.epoch === records.epoch) write(line, fields, true)
    }
    for (const ms of looks) clock.after(ms, look)
  }
}
