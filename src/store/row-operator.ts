import type { Json } from '../core/contact.ts'
import { markSent } from '../core/ledger.ts'
import { beginPending, createRow, fieldsOf, holdOf, type Row, takeOut, wakeNow } from './row.ts'

/** What was refused is undelivered again, and nothing waits for a back-off. Whoever holds the row goes on with it. */
export const requeueRow = (row: Row, now: number, nextVersion: () => number): void => {
  const refused = fieldsOf(row.parked)
  if (refused.length) {
    beginPending(row, now)
    // A new one: an older claim that ends takes out what is not newer.
    row.version = nextVersion()
    for (const field of refused) {
      const [value, , , acceptedAt] = row.parked[field] as [Json, string, number, number]
      row.payload[field] ??= [value, row.version, acceptedAt]
    }
    row.parked = {}
  }
  // A lease that ran out is over already.
  if (row.lease === undefined) wakeNow(row, now)
}

/**
 * What is known to be upstream stays; of what is dropped it is known how old it was, so that moving an older copy of the row
 * does not bring it back.
 */
export const dropRow = (row: Row, now: number): void => {
  const hold = holdOf(row)
  const dropped = { ...row.parked, ...takeOut(row, { version: Number.POSITIVE_INFINITY }, now) }
  for (const field of fieldsOf(dropped)) markSent(row.ledger, field, dropped[field]?.at(-1) as number)
  row.parked = {}
  Object.assign(row, hold)
}

/** What is left of a contact that is erased. @param row undefined where there was none */
export const purgeRow = (row: Row | undefined, notBefore: number): Row => ({
  ...createRow(),
  notBefore,
  ...(row && holdOf(row)),
})
