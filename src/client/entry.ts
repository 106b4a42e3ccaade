import type { Json } from '../core/contact.ts'
import type { Decision } from './decisions.ts'
import type { Outcome } from './outcome.ts'
import type { Waiting, WaitingFields } from './records.ts'

/** The calls that share one promise because one request carries them. */
export interface Batch {
  promise: Promise<Outcome>
  open: boolean
  /** Only the first outcome counts. */
  settle(outcome: Outcome): void
}

/** A body on its way. */
export interface Wire {
  fields: WaitingFields
  batches: Batch[]
  epoch: number
}

/** What this tab holds of one contact. */
export interface Entry {
  id: string
  /** Every field of ours that is not acknowledged, on the wire or not. */
  fields: WaitingFields
  /** Calls that no request carries yet. */
  batches: Batch[]
  wires: Set<Wire>
  epoch: number
  /** The last body and its number: a retry of the same body repeats its number. */
  sent?: { body: string; number: number } | undefined
  /** The last answer said that a higher number is stored. */
  superseded?: boolean
  /** When the debounce began, by the monotonic clock; undefined while none runs. */
  since?: number | undefined
  cancelDebounce(): void
}

export type Emit = (id: string, kind: Decision['kind'], reason?: string) => void

/** Ends these calls and tells the stream of decisions once. */
export const settleBatches = (emit: Emit, id: string, batches: Batch[], outcome: Outcome): void => {
  emit(id, outcome.status, outcome.reason)
  for (const batch of batches.splice(0)) batch.settle(outcome)
}

export const isSame = (a: Json, b: Json): boolean => a === b || JSON.stringify(a) === JSON.stringify(b)

/** The later call of each field; of two at the same time, the second argument's. */
export const joinFields = (stored: WaitingFields | undefined, own: WaitingFields): WaitingFields => {
  const joined = { ...stored }
  for (const [field, waiting] of Object.entries(own)) {
    if (waiting[1] >= (joined[field]?.[1] ?? 0)) joined[field] = waiting
  }
  return joined
}

/** True when `sent` is the same value, sent at least as forcefully. */
export const covers = (sent: Waiting | undefined, [value, , force]: Waiting): boolean =>
  !!sent && isSame(sent[0], value) && (!force || !!sent[2])

/** True when something of the entry is on no wire yet. */
export const hasUnsent = ({ fields, wires }: Entry): boolean =>
  Object.entries(fields).some(([field, waiting]) => ![...wires].some((wire) => covers(wire.fields[field], waiting)))

export const toBody = (id: string, fields: WaitingFields): string => {
  const contact: { [field: string]: Json } = { external_id: id }
  for (const [field, waiting] of Object.entries(fields)) contact[field] = waiting[0]
  return JSON.stringify(contact)
}
