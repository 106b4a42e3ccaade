/**
 * What is known to be upstream for one field: the hash of the acknowledged value ('' from the moment the field is sent
 * until it is acknowledged: its upstream value is unknown then), when it was acknowledged, and when it was called.
 * Both in milliseconds since the epoch. A value that was refused for good is known too, and marked: it is not sent again
 * until it changes.
 */
export type LedgerEntry = [hash: string, acknowledgedAt: number, calledAt: number, isRefused?: 1]

/** The entries of one contact by field, `external_id` included. Holds no values. */
export interface Ledger {
  /** By a field's name on the wire. */
  [field: string]: LedgerEntry
}

/**
 * True when the ledger holds exactly this value and is younger than `ttlMs`; a time in the future counts as expired. A
 * call is a duplicate when that is true of every field **and** nothing different waits or is on the wire for any of
 * them: without the second half, A acknowledged, B on the wire, A again would end at B.
 */
export const isAcknowledged = (entry: LedgerEntry | undefined, hash: string, now: number, ttlMs: number): boolean =>
  entry?.[0] === hash && now >= entry[1] && now - entry[1] < ttlMs

/**
 * To be done *before* the field is sent: whatever becomes of the request, its upstream value is unknown from then on.
 * The call time stays, so that an older call of another tab knows that it is older.
 */
export const markSent = (ledger: Ledger, field: string, calledAt: number): void => {
  ledger[field] = ['', 0, calledAt]
}

/** To be done when upstream has the value. An answer to an older call that arrives late changes nothing. */
export const acknowledge = (ledger: Ledger, field: string, entry: LedgerEntry): void => {
  if (!(ledger[field] && ledger[field][2] > entry[2])) ledger[field] = entry
}
