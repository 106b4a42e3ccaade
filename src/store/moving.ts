import type { Contact, Json } from '../core/contact.ts'
import type { LedgerEntry } from '../core/ledger.ts'
import {
  beginPending,
  clientsPerRow,
  fieldsOf,
  holdOf,
  isPending,
  isRevoking,
  type Row,
  type RowContext,
  wakeNow,
} from './row.ts'
import { parseColumns } from './row-columns.ts'

/** All that a store keeps of one contact, on its way into another store. */
export interface Moved {
  /** As in `list`: the key of the row, under the key of the store that it comes from. */
  id: string
  /** Undefined while nothing is undelivered or refused: then only a store with the same key knows whose row it is. */
  externalId: string | undefined
  /** Versions and lease mean nothing elsewhere. Times are those of the store's own clock. */
  row: Row
}

/** Some of a store's rows, in the order of their ids. */
export interface MovedPage {
  /** Those that could be read. */
  moved: Moved[]
  /** Ids of rows that cannot be read. */
  unreadable: string[]
  /** Where the next page begins; undefined after the last one. */
  next: string | undefined
}

/**
 * What became of a row: something of it is `taken`, or all of it was `known` or older than what is here; `nameless`: it
 * has no external id, and its id is one of another store's key.
 */
export type TakeResult = 'taken' | 'known' | 'nameless'

/** From one store into another, while both are in use: as often as one likes, and in any order. */
export interface Moving {
  /** What this store's hashes are keyed with. One that is made with the same key can take over everything. */
  key(): Uint8Array
  /** Every row, in the order of ids. Holds up nobody who writes. @param after `next` of the page before */
  page(after: string | undefined, limit: number): Promise<MovedPage>
  /** Joins a row in: of each field, what was accepted last stays. Durable when it resolves. */
  take(moved: Moved, options: { hasSameKey: boolean }): Promise<TakeResult>
}

/** What is known of a field: it waits, was refused, or went upstream. One of the three, with when it was accepted. */
type State = { acceptedAt: number } & (
  | { kind: 'payload'; value: Json }
  | { kind: 'parked'; value: Json; reason: string; at: number }
  | { kind: 'ledger'; entry: LedgerEntry }
)

const stateOf = (row: Row, field: keyof Contact): State | undefined => {
  const { [field]: waiting } = row.payload
  if (waiting) return { kind: 'payload', value: waiting[0], acceptedAt: waiting[2] }
  const { [field]: refused } = row.parked
  if (refused) return { kind: 'parked', value: refused[0], reason: refused[1], at: refused[2], acceptedAt: refused[3] }
  const entry = row.ledger[field]
  return entry && { kind: 'ledger', entry, acceptedAt: entry[2] }
}

/** Of a row that is emptied by it, whoever holds that still does. */
const remove = (row: Row, field: keyof Contact): void => {
  const hold = isPending(row) && holdOf(row)
  delete row.payload[field]
  delete row.parked[field]
  delete row.ledger[field]
  if (hold && !isPending(row)) Object.assign(row, hold)
}

/** What was accepted before the contact was purged is erased here too; whoever holds the row has lost it. */
const revoke = (row: Row, notBefore: number, now: number): void => {
  row.notBefore = notBefore
  for (const field of fieldsOf({ ...row.payload, ...row.parked, ...row.ledger }))
    if ((stateOf(row, field)?.acceptedAt ?? 0) < notBefore) remove(row, field)
  if (row.lease === undefined) wakeNow(row, now)
}

/** Of each client the higher number, and of the clients the latest: first those of the other store. */
const joinNumbers = (row: Row, moved: Row): boolean => {
  const own = new Map(row.numbers)
  const newer = moved.numbers.filter(([client, number]) => number > (own.get(client) ?? -1))
  const others = newer.filter(([client]) => !own.has(client))
  for (const [client, number] of newer) own.set(client, number)
  const kept = row.numbers.map(([client]): [string, number] => [client, own.get(client) as number])
  const before = JSON.stringify(row.numbers)
  row.numbers = [...others, ...kept].slice(-clientsPerRow)
  return JSON.stringify(row.numbers) !== before
}

/**
 * Joins what another store keeps of a contact into the row that is here. Of each field the state that was accepted later
 * stays, whichever store it is of, so that nothing goes backwards, and a second time changes nothing.
 * @param hasSameKey whether hashes of the other store are hashes here
 * @returns whether anything is changed
 */
export const takeInto = (
  row: Row,
  moved: Row,
  { now, hasSameKey }: Pick<RowContext, 'now'> & { hasSameKey: boolean },
  nextVersion: () => number,
): boolean => {
  let isChanged = joinNumbers(row, moved)
  if (isRevoking(moved, now) && (moved.notBefore as number) > (row.notBefore ?? 0)) {
    revoke(row, moved.notBefore as number, now)
    isChanged = true
  }
  const isErased = (at: number): boolean => isRevoking(row, now) && at < (row.notBefore as number)
  let version: number | undefined
  for (const field of fieldsOf({ ...moved.payload, ...moved.parked, ...moved.ledger })) {
    const theirs = stateOf(moved, field) as State
    const ours = stateOf(row, field)
    const { acceptedAt } = theirs
    // What waits here came from there, and has been delivered there since.
    const isDelivered =
      theirs.kind === 'ledger' && ours?.kind === 'payload' && acceptedAt === ours.acceptedAt && !isErased(acceptedAt)
    if (!isDelivered && (isErased(acceptedAt) || acceptedAt <= (ours?.acceptedAt ?? -1))) continue
    isChanged = true
    if (theirs.kind === 'payload' && !isPending(row)) {
      beginPending(row, now)
      row.pendingSince = Math.min(now, moved.pendingSince)
      row.attempts = moved.attempts
      row.reason = moved.reason
    }
    remove(row, field)
    if (theirs.kind === 'payload') {
      version ??= nextVersion()
      row.version = version
      row.payload[field] = [theirs.value, version, acceptedAt]
    } else if (theirs.kind === 'parked') row.parked[field] = [theirs.value, theirs.reason, theirs.at, acceptedAt]
    // Where both stores have sent a value nobody knows which one came last.
    else
      row.ledger[field] =
        hasSameKey && (isDelivered || !ours) ? [theirs.entry[0], theirs.entry[1], acceptedAt] : ['', 0, acceptedAt]
  }
  return isChanged
}

/** @param found at most `limit` rows by id, in the columns of a database */
export const pageOf = (
  found: readonly (readonly [id: string, columns: Record<string, unknown>])[],
  limit: number,
): MovedPage => {
  const page: MovedPage = { moved: [], unreadable: [], next: found.length === limit ? found.at(-1)?.[0] : undefined }
  for (const [id, columns] of found)
    try {
      page.moved.push({ id, ...parseColumns(columns) })
    } catch {
      page.unreadable.push(id)
    }
  return page
}
