import { isContactKey } from '../core/contact.ts'
import { isObject } from '../core/json.ts'
import type { IdentifyOptions } from './user.ts'
import type { WarnOnce } from './warn-once.ts'

/** Both traits of other analytics libraries that are fields of ours under another name. */
const traitNames: Record<string, string> = { name: 'display_name', avatar: 'avatar_url' }

/**
 * Turns both forms of `identify` into what may be a contact: nothing of it is checked.
 * @param warnOnce told what was converted
 * @returns with the keys that are ignored
 */
export const toContact = (
  [user, second, third]: readonly unknown[],
  warnOnce: WarnOnce,
): [contact: Record<string, unknown>, force: boolean, unknown: string[]] => {
  const isTraits = Object(user) !== user
  const contact: Record<string, unknown> = {}
  const metadata: Record<string, unknown> = {}
  const unknown: string[] = []
  const { force } = ((isTraits ? third : second) ?? {}) as IdentifyOptions
  const given = isTraits ? (second ?? {}) : user
  for (const [key, value] of Object.entries(given as object)) {
    const name = (isTraits && traitNames[key]) || key.replace(/[A-Z]/g, '_$&').toLowerCase()
    if (isContactKey(name)) contact[name] = value
    // Defined, as `__proto__` is no key to be assigned.
    else if (isTraits) Object.defineProperty(metadata, key, { value, enumerable: true })
    else unknown.push(key)
  }
  // What is no object is left as it is, to be named as wrong.
  const { metadata: named = {} } = contact
  if (isTraits && !isObject(given)) contact.metadata = given
  else if (Object.keys(metadata)[0] && isObject(named)) contact.metadata = { ...metadata, ...(named as object) }
  if (isTraits) contact.external_id = user
  if (Number.isSafeInteger(contact.external_id) && (contact.external_id as number) >= 0) {
    warnOnce('identify: id is no text', 'warn')
    contact.external_id = `${contact.external_id}`
  }
  return [contact, !!force, unknown]
}
