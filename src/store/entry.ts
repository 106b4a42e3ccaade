import type { Contact, Json } from '../core/contact.ts'
import { isDue, isPending, type Row } from './row.ts'

/** A contact with something undelivered or refused, as an operator sees it. Times are milliseconds since the epoch. */
export interface Entry {
  /** Keyed hash of the external id, in hexadecimal: without the store's key it names nobody. */
  id: string
  /**
   * `queued`: due. `backoff`: waits until `due`. `leased`: being sent, by somebody who has until `due`. `parked`: nothing
   * is undelivered, but something was refused. `unreadable`: damaged; all that can be done with it is to drop it.
   */
  state: 'queued' | 'backoff' | 'leased' | 'parked' | 'unreadable'
  /** Undefined when the row cannot be read. */
  externalId: string | undefined
  /** Undelivered values. Empty when the id alone is undelivered. */
  fields: { [field in keyof Contact]?: Json }
  /** Refused values with a status and a code; `external_id` is among them when nothing at all was taken. */
  parked: { [field in keyof Contact]?: { value: Json; reason: string; at: number } }
  /** How often what is undelivered has failed. */
  attempts: number
  /** Why the last attempt failed: a status and a code. */
  reason: string | undefined
  /** Since when it is undelivered, or else refused. */
  since: number | undefined
  /** When it is tried, or the lease ends; undefined for what is not tried by itself. */
  due: number | undefined
}

const stateOf = (row: Row, now: number): Entry['state'] => {
  if (!isPending(row)) return Object.keys(row.parked).length ? 'parked' : 'unreadable'
  if (isDue(row, now)) return 'queued'
  return row.lease === undefined ? 'backoff' : 'leased'
}

/** @param row with something undelivered or refused; without, it is one that could not be read */
export const entryOf = (named: { id: string; externalId: string | undefined }, row: Row, now: number): Entry => {
  const { external_id: _, ...payload } = row.payload
  const refused = Object.entries(row.parked)
  const times = isPending(row) ? [row.pendingSince] : refused.map(([, [, , at]]) => at)
  return {
    ...named,
    state: stateOf(row, now),
    fields: Object.fromEntries(Object.entries(payload).map(([field, [value]]) => [field, value])),
    parked: Object.fromEntries(refused.map(([field, [value, reason, at]]) => [field, { value, reason, at }])),
    attempts: row.attempts,
    reason: row.reason,
    since: times.length ? Math.min(...times) : undefined,
    due: isPending(row) ? row.wake : undefined,
  }
}

/** The same by another clock, which is `byMs` ahead of the one that the times were taken from. */
export const moveTimes = (entry: Entry, byMs: number): Entry => {
  const move = (at: number | undefined): number | undefined => (at === undefined ? undefined : at + byMs)
  const parked = Object.entries(entry.parked).map(([field, one]) => [field, { ...one, at: one.at + byMs }])
  return { ...entry, parked: Object.fromEntries(parked), since: move(entry.since), due: move(entry.due) }
}
