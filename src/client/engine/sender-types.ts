import type { Engine } from '../engine-context.ts'
import type { InFlight, Send } from '../post.ts'
import type { Token } from '../tokens.ts'
import type { WaitingFields } from '../waiting-fields.ts'
import type { PendingContact } from './outbox.ts'

/** What the sender does not do itself. */
export interface SenderParts {
  /** Sends what waits for a contact, in one attempt. */
  transmit(contact: PendingContact, token: Token): Promise<void>
  recheck(contact: PendingContact, fields: WaitingFields): void
}

/** An update of a contact that waits here. */
export interface ContactUpdate extends InFlight {
  contact: PendingContact
}

/** Decides when each contact is sent, and follows the answers. */
export interface Sender extends Pick<Engine, 'lastFailure' | 'flush'> {
  /** New fields of this contact wait. */
  wait(contact: PendingContact, hasChanged: boolean): void
  /** Tries all that is on no wire. News end a wait that no server ordered. */
  sendAll(isNews?: boolean): Promise<void>
  /** Sends what waits of a contact; without `send` only what outlives the page. */
  launch(contact: PendingContact, token: Token, send?: Send): ContactUpdate | undefined
  /** Follows an update that was sent while the page was being left. */
  track(update: ContactUpdate): void
  /** Ends every timer and schedule. */
  halt(): void
  /** Whether this contact is still to be sent with this token. If so its turn is over: the caller sends it. */
  claim(contact: PendingContact, token: Token): boolean
  /** Follows the answer to an update. */
  follow(update: ContactUpdate, abort?: () => void): Promise<void>
}
