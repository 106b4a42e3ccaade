import type { Contact } from '../core/contact.ts'
import { toText } from '../core/json.ts'

/** A field that waits: its value as JSON, when it was called (milliseconds since the epoch), and 1 when it is forced. */
export type WaitingField = [json: string, calledAt: number, force: 0 | 1]

/** What waits of one contact. */
export interface WaitingFields {
  [field: string]: WaitingField
}

/** The later call of each field; of two at the same time, the second argument's. */
export const joinFields = (stored: WaitingFields | undefined, own: WaitingFields): WaitingFields => {
  const joined = { ...stored }
  for (const [field, waiting] of Object.entries(own))
    if ((joined[field]?.[1] ?? 0) <= waiting[1])
      // What was forced stays so.
      joined[field] = joined[field]?.[2] && !waiting[2] ? [waiting[0], waiting[1], 1] : waiting
  return joined
}

/** True when `former` is the same value, sent at least as forcefully. */
export const covers = (former: WaitingField | undefined, own: WaitingField): boolean =>
  former?.[0] === own[0] && former[2] >= own[2]

export const isEmpty = (object: object): boolean => !Object.keys(object)[0]

export const toFields = (contact: Contact, calledAt: number): WaitingFields =>
  Object.fromEntries(Object.entries(contact).map(([field, value]) => [field, [toText(value), calledAt, 0]]))

/** The values are JSON already. */
export const toBody = (fields: WaitingFields): string =>
  `{${Object.entries(fields)
    .map(([field, [json]]) => `"${field}":${json}`)
    .join()}}`
