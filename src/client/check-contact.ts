import { byteLength, type Contact, copyContact, isNobody, isProblem, maxBodyBytes } from '../core/contact.ts'
import { toText } from '../core/json.ts'

/** A checked copy of what may be a contact, or what is wrong with it: the path '' stands for its size. */
export const checkContact = (unchecked: unknown): Contact | { path: string; key?: string | undefined } => {
  const contact = copyContact(isNobody(Object(unchecked).external_id) ? {} : unchecked)
  return isProblem(contact) || byteLength(toText(contact)) <= maxBodyBytes ? contact : { path: '' }
}
