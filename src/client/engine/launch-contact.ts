import { byteLength, maxBodyBytes } from '../../core/contact.ts'
import { outlivesPage, type Send } from '../post.ts'
import type { Token } from '../tokens.ts'
import { toBody } from '../waiting-fields.ts'
import type { Launcher } from './launcher.ts'
import type { PendingContact } from './outbox.ts'
import type { ContactUpdate } from './sender-types.ts'

/** Sends what waits of a contact; without `send` only what outlives the page. */
export const launchContact = (
  launcher: Launcher,
  contact: PendingContact,
  token: Token,
  send: Send | undefined,
): ContactUpdate | undefined => {
  let { fields } = contact
  // Joined calls may be larger together than each was: then metadata goes first and alone.
  const isWhole = !fields['metadata'] || byteLength(toBody(fields)) <= maxBodyBytes
  if (!isWhole) fields = { metadata: fields['metadata']! }
  if (!send && !outlivesPage(toBody(fields))) return undefined
  const update = launcher.launch(contact.id, fields, token, send)
  if (!update) return undefined
  for (const field of Object.keys(fields)) contact.onWire[field] = update.updateNumber
  if (isWhole) for (const call of contact.calls) call.updateNumber = update.updateNumber
  return { ...update, contact }
}
