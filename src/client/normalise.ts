import { isContactKey } from '../core/contact.ts'
import type { WarnOnce } from './warn-once.ts'

/**
 * What `identify` takes as an object, in camelCase or in the wire's snake_case; of both the later key counts. Absent
 * fields are kept upstream. Any other key is ignored with one warning.
 */
export interface User<Metadata extends object = Record<string, unknown>> {
  /** Your own id of the person, as in the token: 1 to 120 UTF-16 units. A number becomes its text, with one warning. */
  externalId?: string | number
  /** `externalId` as the API spells it. */
  external_id?: string | number
  /** At most 256 UTF-16 units; null clears. */
  displayName?: string | null | undefined
  /** `displayName` as the API spells it. */
  display_name?: string | null | undefined
  /** At most 254 UTF-16 units with one `@` between; null clears. */
  email?: string | null | undefined
  /** An absolute http or https URL of at most 2048 UTF-16 units; never fetched by us; null clears. */
  avatarUrl?: string | null | undefined
  /** `avatarUrl` as the API spells it. */
  avatar_url?: string | null | undefined
  /** At most 50 of at most 64 UTF-16 units each; doubles are removed; `[]` clears. */
  tags?: readonly string[] | undefined
  /**
   * Replaces the stored metadata **as a whole**; other analytics libraries merge. `{}` clears. JSON of at most 100 keys and
   * 16 levels.
   */
  metadata?: Metadata | undefined
}

/** A user with an id, in either spelling: whom `identify` takes. `Metadata` may be an interface of your own. */
export type IdentifiedUser<Metadata extends object = Record<string, unknown>> = User<Metadata> &
  (Required<Pick<User, 'externalId'>> | Required<Pick<User, 'external_id'>>)

/** Analytics style: `name`, `avatar` and the contact's own fields; every other trait joins `metadata`. */
export interface Traits extends Omit<User, 'externalId' | 'external_id'> {
  /** The contact's `display_name`; null clears. */
  name?: string | null | undefined
  /** The contact's `avatar_url`; null clears. */
  avatar?: string | null | undefined
  /** A key of `metadata`, as it is. What is no JSON makes the call `dropped: invalid`. */
  [trait: string]: unknown
}

/** How one call of `identify` differs from others. */
export interface IdentifyOptions {
  /**
   * Sends even what is known to be stored already, for values that something else may have changed meanwhile.
   * @defaultValue false
   */
  force?: boolean | undefined
}

/** Both traits of other analytics libraries that are fields of ours under another name. */
const traitNames: Record<string, string> = { name: 'display_name', avatar: 'avatar_url' }

/**
 * Turns both forms of `identify` into what may be a contact: nothing of it is checked.
 * @param warnOnce told what was ignored or converted
 */
export const toContact = (
  [user, second, third]: readonly unknown[],
  warnOnce: WarnOnce,
): [contact: Record<string, unknown>, force: boolean] => {
  const isTraits = Object(user) !== user
  const contact: Record<string, unknown> = {}
  const metadata: Record<string, unknown> = {}
  const { force } = ((isTraits ? third : second) ?? {}) as IdentifyOptions
  for (const [key, value] of Object.entries((isTraits ? second : user) ?? {})) {
    const name = (isTraits && traitNames[key]) || key.replace(/[A-Z]/g, '_$&').toLowerCase()
    if (isContactKey(name)) contact[name] = value
    else if (isTraits) metadata[key] = value
    else warnOnce(`identify: unknown ${key}, use metadata`, 'warn')
  }
  // A `metadata` that is no object is left as it is, to be named as wrong.
  if (Object.keys(metadata)[0] && !(contact.metadata && typeof contact.metadata !== 'object'))
    contact.metadata = { ...metadata, ...(contact.metadata as object) }
  if (isTraits) contact.external_id = user
  if (Number.isSafeInteger(contact.external_id) && (contact.external_id as number) >= 0) {
    warnOnce('identify: id is no text', 'warn')
    contact.external_id = `${contact.external_id}`
  }
  return [contact, !!force]
}
