import {
  byteLength,
  type Contact,
  type FieldName,
  fieldNames,
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

/** Both traits of other analytics libraries that are fields of ours under another name. */
const traitNames: Record<string, string> = { name: 'display_name', avatar: 'avatar_url' }

/**
 * Turns both forms of `identify` into a contact, with the values at the time of the call.
 * @param warn told what was ignored or converted
 */
export const toContact = (
  [user, second, third]: readonly unknown[],
  warn: (text: string) => void,
): [Contact | Problem, force: boolean] => {
  try {
    const isTraits = Object(user) !== user
    const contact: Record<string, unknown> = {}
    const metadata: Record<string, unknown> = {}
    const { force } = ((isTraits ? third : second) ?? {}) as IdentifyOptions
    const given = (isTraits ? (second ?? {}) : user) as Record<string, unknown>
    for (const key of Object.keys(given)) {
      const name = (isTraits && traitNames[key]) || key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
      if (fieldNames.includes(name as FieldName) || name === 'external_id') contact[name] = given[key]
      else if (isTraits) metadata[key] = given[key]
      else warn(`identify ignores the unknown field ${key.slice(0, 40)}; put it in metadata`)
    }
    if (Object.keys(metadata).length) contact.metadata = { ...metadata, ...(contact.metadata as object) }
    let id = isTraits ? user : contact.external_id
    if (typeof id === 'number') {
      warn('identify was given a number as id; give a text')
      id = `${id}`
    }
    if (/^\s*(undefined|null|NaN)?\s*$/.test(id as string)) id = 0
    const parsed = parseContact({ ...contact, external_id: id })
    if (byteLength(JSON.stringify(parsed)) > maxBodyBytes)
      return [{ path: 'contact', mend: `at most ${maxBodyBytes} bytes` }, false]
    return [parsed, !!force]
  } catch {
    // A getter or a proxy object of the caller's threw.
    return [{ path: 'user', mend: 'a plain object' }, false]
  }
}
