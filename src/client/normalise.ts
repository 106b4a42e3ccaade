import {
  byteLength,
  type Contact,
  fieldNames,
  type Json,
  maxBodyBytes,
  type Problem,
  parseContact,
} from '../core/contact.ts'

/** What `identify` takes as an object, in camelCase or in the wire's snake_case. Absent fields are kept upstream. */
export interface User<Metadata extends object = Record<string, unknown>> {
  externalId?: string | number
  external_id?: string | number
  displayName?: string | null | undefined
  display_name?: string | null | undefined
  email?: string | null | undefined
  avatarUrl?: string | null | undefined
  avatar_url?: string | null | undefined
  /** `[]` clears. */
  tags?: readonly string[] | undefined
  /** Replaces the stored metadata **as a whole**; other analytics libraries merge. `{}` clears. */
  metadata?: Metadata | undefined
}

/** A user with an id, in either spelling. */
export type IdentifiedUser<Metadata extends object = Record<string, unknown>> = User<Metadata> &
  ({ externalId: string | number } | { external_id: string | number })

/** Analytics style: `name`, `avatar` and the contact's own fields; every other trait joins `metadata`. */
export interface Traits extends Omit<User, 'externalId' | 'external_id'> {
  name?: string | null | undefined
  avatar?: string | null | undefined
  [trait: string]: unknown
}

export interface IdentifyOptions {
  /** Send even what is known to be stored already; for values that something else may have changed meanwhile. */
  force?: boolean | undefined
}

const wireName = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/**
 * Turns both forms of `identify` into a contact, with the values at the time of the call.
 * @param warn told once per cause what was ignored or converted
 */
export const toContact = (
  [user, second, third]: readonly unknown[],
  warn: (text: string) => void,
): { contact: Contact | Problem; force: boolean } => {
  const isObject = typeof user === 'object' && user !== null
  const { force } = ((isObject ? second : third) ?? {}) as IdentifyOptions
  try {
    const contact: Record<string, unknown> = {}
    const metadata: Record<string, unknown> = {}
    let id = isObject ? undefined : user
    for (const [key, value] of Object.entries((isObject ? user : (second ?? {})) as object)) {
      const name =
        !isObject && /^(name|avatar)$/.test(key) ? { name: 'display_name', avatar: 'avatar_url' }[key] : wireName(key)
      if (name === 'external_id') id = isObject ? (value ?? id) : id
      else if (fieldNames.includes(name as never)) contact[name as string] = value
      else if (!isObject) metadata[key] = value
      else warn(`identify ignores the unknown field ${key.slice(0, 40)}; put it in metadata`)
    }
    if (Object.keys(metadata).length) contact.metadata = { ...metadata, ...(contact.metadata as object) }
    if (typeof id === 'number') {
      warn('identify was given a number as id; give a string')
      id = String(id)
    }
    if (typeof id !== 'string' || /^\s*(undefined|null|NaN|\[object Object\])?\s*$/.test(id)) id = undefined
    const parsed = parseContact({ ...contact, external_id: id })
    const tooLarge = 'external_id' in parsed && byteLength(JSON.stringify(parsed)) > maxBodyBytes
    return {
      contact: tooLarge ? { path: 'the contact', mend: `at most ${maxBodyBytes} bytes` } : parsed,
      force: !!force,
    }
  } catch {
    // A getter or a proxy object of the caller's threw.
    return { contact: { path: 'the user', mend: 'a plain object' }, force: false }
  }
}

/** The fields of a contact with its id among them: the unit of joining, ledger and outbox. */
export const fieldsOf = (contact: Contact): [field: string, value: Json][] =>
  Object.entries(contact) as [string, Json][]
