import { isContactKey } from '../core/contact.ts'
import type { IdentifyOptions } from './user.ts'
import type { WarnOnce } from './warn-once.ts'

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
