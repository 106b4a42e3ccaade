import type { Contact } from '../core/contact.ts'
import type { Outcome } from './outcome.ts'
import type { Records, Waiting, WaitingFields } from './records.ts'

/** One open call of `identify`, or several that the engine took together. */
export interface Call {
  /** The number of the request that carries it, or 0. */
  carrier: number
  end(outcome: Outcome): void
}

/** What this tab holds of one contact that is not acknowledged. */
export interface Line {
  id: string
  epoch: string
  fields: WaitingFields
  /** Which request carries a field now, by its number; absent or 0: none. */
  carriers: { [field: string]: number | undefined }
  calls: Set<Call>
  /** The last body and its number: a retry of the same body repeats its number. */
  sent: [body?: string, number?: number]
  /** When the debounce began, by the monotonic clock; absent while none runs. */
  since?: number | undefined
  cancelDebounce?: () => void
  /** The last answer said that a higher number is stored. */
  isSuperseded?: boolean
}

/** The later call of each field; of two at the same time, the second argument's. */
export const joinFields = (stored: WaitingFields | undefined, own: WaitingFields): WaitingFields => {
  const joined = { ...stored }
  for (const field of Object.keys(own)) if ((joined[field]?.[1] ?? 0) <= own[field]![1]) joined[field] = own[field]!
  return joined
}

/** True when `sent` is the same value, sent at least as forcefully. */
export const covers = (sent: Waiting | undefined, own: Waiting): boolean => sent?.[0] === own[0] && sent[2] >= own[2]

export const isEmpty = (object: object): boolean => !Object.keys(object)[0]

/** True when something of the line is on no wire. */
export const hasUnsent = ({ fields, carriers }: Line): boolean => Object.keys(fields).some((field) => !carriers[field])

export const toFields = (contact: Contact, calledAt: number, force: boolean): WaitingFields =>
  Object.fromEntries(
    Object.entries(contact).map(([field, value]) => [field, [JSON.stringify(value), calledAt, force ? 1 : 0]]),
  )

/** The stored values are JSON already. */
export const toBody = (fields: WaitingFields): string =>
  `{${Object.keys(fields).map((field) => `"${field}":${fields[field]![0]}`)}}`

/** What waits for a contact, made when there is nothing. In a list, for an id can be `__proto__`. */
export const entryOf = ({ unsent }: Records, id: string): WaitingFields => {
  const found = unsent.find(([head]) => head === id)
  if (found) return found[1] as WaitingFields
  const fields = {}
  unsent.push([id, fields])
  return fields
}
