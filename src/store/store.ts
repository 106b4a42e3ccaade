import type { Contact, Fields } from '../core/contact.ts'
import type { UpdateId } from '../core/wire.ts'
import type { Entry } from './entry.ts'
import type { Moving } from './moving.ts'

/** One accepted request, to be joined into the row of its contact. */
export interface Update {
  /** Whose row it is. */
  externalId: string
  /** What it brings; none is an update too, which creates the contact. */
  fields: Fields
  /** Absent: no number is checked, and the update is never forced. */
  id?: UpdateId | undefined
  /** When the token was made, in milliseconds since the epoch. Absent: refused while a not-before is kept. */
  issuedAt?: number | undefined
}

/** The right to deliver one version of one contact. Worthless once its lease is lost: no call of it has an effect then. */
export interface Claim {
  /** Whose row it is. */
  externalId: string
  /** That of the row when it was leased; never used twice, not even when a row is deleted and made anew. */
  version: number
  /** The whole payload of the row: every undelivered field. What ends a claim with a part of them leaves the rest. */
  fields: Fields
  /** How often this payload has failed. */
  attempts: number
  /** Since when the row has had something undelivered, in milliseconds since the epoch. */
  pendingSince: number
  /** Distinguishes this lease from a later one of the same version. */
  lease: number
}

/** What became of an update that the store was given. */
export type PutResult =
  /** `waits` says why a claim that was asked for is not given: a back-off runs, or somebody holds the row. */
  | { kind: 'stored'; version: number; claim?: Claim | undefined; waits?: 'later' | 'leased' | undefined }
  /** A higher number of this client, `number`, is stored for this contact; nothing was written. */
  | { kind: 'superseded'; number: number }
  /** All of it is known to be upstream and nothing of it is pending. */
  | { kind: 'unchanged' }
  /** The token is older than the contact's not-before; nothing was written. */
  | { kind: 'revoked' }

/** How much waits, for metrics: counted when asked. */
export interface StoreStats {
  /** Contacts with something undelivered. */
  pending: number
  /** Contacts with fields that upstream refused. */
  parked: number
  /** Since when the longest waiting contact has waited, in milliseconds since the epoch; absent when none does. */
  oldestPendingSince?: number | undefined
}

/** Which page of entries is wanted. */
export interface ListQuery {
  /** The whole id of the last entry of the page before. @defaultValue from the beginning */
  after?: string | undefined
  /** What the id begins with. @defaultValue any */
  prefix?: string | undefined
  /** Entries at most, at least 1. */
  limit: number
}

/**
 * One row per contact: its undelivered fields, a version that is never reused, a lease, what is known to be upstream,
 * and the last number of its latest clients. Times are milliseconds since the epoch.
 */
export interface Store {
  /** Whether `put` keeps its promise over a power cut. If not, nothing is ever answered 202, and `retry` withdraws. */
  readonly isDurable: boolean
  /** How long a claim is held at most, in milliseconds; then the row is due again for whoever asks. */
  readonly leaseMs: number
  /** One transaction, durable when it resolves. With `claim` a row that is due and free is leased in the same one. */
  put(update: Update, options: { claim: boolean }): Promise<PutResult>
  /** Leases up to `limit` due and free rows, oldest first. */
  claim(limit: number): Promise<Claim[]>
  /** `newer`: the lease stands, and an update has come since. `lost`: another holds the row now, or it is purged or dropped. */
  look(claim: Claim): Promise<'current' | 'newer' | 'lost'>
  /** Upstream has the claim's fields. What came since stays, due at once. */
  done(claim: Claim): Promise<void>
  /**
   * Upstream will never take `refused`, but has the claim's other fields. `external_id` is among them when none was
   * taken: nobody knows then whether there is a contact. What came since stays, due at once.
   */
  park(claim: Claim, refused: readonly (keyof Contact)[], reason: string): Promise<void>
  /** Not before `due`. `reason` is a status and a code, never upstream's text. */
  retry(claim: Claim, due: number, reason: string): Promise<void>
  /** Gives claims back as if they had not been taken. */
  release(claims: readonly Claim[]): Promise<void>
  /** Only where nothing is durable: takes back what no claim holds yet, up to this version. */
  withdraw?(externalId: string, version: number): void
  /**
   * Erases all that is kept of a contact; tokens made before `notBefore` write nothing for the longest life of one. What is on
   * the wire ends without effect here, and what comes next waits for that end, or for the end of its lease.
   */
  purge(externalId: string, notBefore: number): Promise<void>
  /** What waits now; rejects while the store cannot be asked. */
  stats(): Promise<StoreStats>
  /**
   * What is undelivered or refused, in the order of its ids: at most `limit` of those that come after `after` and begin
   * with `prefix`. What is there all the while is found exactly once over the pages. Holds up nobody who writes.
   */
  list(query: ListQuery): Promise<Entry[]>
  /**
   * Makes a contact due now, with the fields that were refused unless a newer value waits. One that is being sent
   * stays so, and what was refused follows at once.
   * @returns the entry as it is now; undefined when nothing waits under this id
   */
  requeue(id: string): Promise<Entry | undefined>
  /**
   * Forgets what is undelivered and refused of a contact. What is on the wire ends without effect here, and what comes next
   * waits for that end, or for the end of its lease.
   * @returns the entry as it was; undefined when nothing waits under this id
   */
  drop(id: string): Promise<Entry | undefined>
  /**
   * Stands for a contact in logs: a hash with a key that only this store has, the same in each of its processes. Undefined
   * while the key cannot be read; absent where there is none.
   */
  pseudonym?(externalId: string): string | undefined
  /**
   * What the store takes of the local disk, in bytes: its file, and the log of what was written since the last checkpoint.
   * Absent where there is no file.
   */
  fileBytes?(): {
    /** The database itself. */
    file: number
    /** The write-ahead log beside it. */
    log: number
  }
  /**
   * Has this one listener hear whenever something fails that the store does of itself, from time to time, and will try again.
   * Absent where it does nothing.
   */
  onUpkeepFailure?(listener: (error: unknown) => void): void
  /** All that is kept, for another store, and what another one kept. Absent where nothing is durable. */
  moving?: Moving
  /** Rejects when `put` would for want of a disk. Writes, so that a full or read-only one is noticed. */
  check(): Promise<void>
  /** Ends what was begun, then connections, timers and locks; nothing may be called afterwards. */
  close(): Promise<void>
}
