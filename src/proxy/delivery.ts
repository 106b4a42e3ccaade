import type { Contact, FieldName, Fields } from '../core/contact.ts'
import type { Claim } from '../store/store.ts'
import type { Outcome } from './attempt.ts'
import { parseReceipt } from './receipt.ts'

/** What became of an update. `id` and `updated` are upstream's, when it gave them. */
export type Delivery =
  | { kind: 'delivered'; id?: string | undefined; updated?: string | undefined }
  | { kind: 'accepted' }
  | { kind: 'superseded'; number: number }
  /** The token is older than what it may write. */
  | { kind: 'revoked' }
  /** Upstream will never take this field. */
  | { kind: 'refused'; field: FieldName | 'external_id' }
  | { kind: 'unavailable'; retryAfterMs?: number | undefined }

/** What an update that is stored and not delivered comes to. */
export const storedDelivery = (isDurable: boolean, retryAfterMs?: number): Delivery =>
  isDurable ? { kind: 'accepted' } : { kind: 'unavailable', retryAfterMs }

/** What the outcome of a claim means for an update of these `own` fields, which is not newer than the claim. */
export const deliveryOf = (own: Fields, claim: Claim, outcome: Outcome, isDurable: boolean): Delivery => {
  const names = Object.keys(own) as FieldName[]
  const stored = (retryAfterMs?: number): Delivery => storedDelivery(isDurable, retryAfterMs)
  if (outcome.kind === 'done') {
    // Purged or dropped while its page waited, and the claim is of what came after that.
    if (names.some((name) => !(name in claim.fields))) return stored()
    return { kind: 'delivered', ...parseReceipt(outcome.body) }
  }
  if (outcome.kind !== 'parked') return stored(outcome.kind === 'retry' ? outcome.retryAfterMs : undefined)
  const { fields, refused } = outcome
  const isRefused = (name: keyof Contact): boolean => refused.includes(name)
  if (names.length === 0) {
    if (!isRefused('external_id')) return { kind: 'delivered' }
    // Joined to fields that were refused, it may well pass by itself.
    return isDurable || fields.length > 0 ? stored() : { kind: 'refused', field: 'external_id' }
  }
  // Of a value that a newer one has replaced nobody knows whether it would be refused.
  const field = names.find((name) => isRefused(name) && own[name] === claim.fields[name])
  if (field && !isDurable) return { kind: 'refused', field }
  return names.every((name) => fields.includes(name) && !isRefused(name)) ? { kind: 'delivered' } : stored()
}
