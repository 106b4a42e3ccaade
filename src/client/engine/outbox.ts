import type { EngineContext } from '../engine-context.ts'
import type { OpenCall } from '../open-call.ts'
import { type DroppedReason, dropped, type Outcome } from '../outcome.ts'
import { covers, isEmpty, joinFields, type WaitingFields } from '../waiting-fields.ts'

/** What this tab holds of one contact that is not acknowledged. */
export interface PendingContact {
  id: string
  /** The stored session that it belongs to. */
  session: string
  fields: WaitingFields
  /** Which update carries a field now, by its number; absent or 0: none. */
  onWire: { [field: string]: number }
  /** The last call that the value on the wire carries, of this tab's: another one may have called something in between. */
  carries: { [field: string]: number }
  calls: Set<OpenCall>
  /** Fields that were refused for good since the open calls began. */
  refused: string[]
  /** When the debounce began, by the monotonic clock; absent while none runs. */
  since?: number | undefined
  cancelDebounce?: () => void
  /** Nothing is tried by itself until this person is identified again: no token speaks for them. */
  isHeld?: boolean
  /** The last answer said that a higher number is stored. */
  isSuperseded?: boolean
}

/** All that waits in this tab. */
export interface Outbox {
  all: Map<string, PendingContact>
  /** Of this session, made when there is none, with what is stored. */
  takeUp(id: string): PendingContact
  /** False, and the contact dropped, where another tab has reset since. */
  isLive(contact: PendingContact): boolean
  /** The open promise of what this update carries, or of what none does. */
  callOf(contact: PendingContact, updateNumber: number): OpenCall
  /** Ends the calls that this update carries; with 0 those that none does, without a number all. */
  settle(contact: PendingContact, outcome: Outcome, updateNumber?: number, againInMs?: number): void
  /** Forgets a contact of which nothing waits any more. */
  release(contact: PendingContact): void
  /** Gives a contact up; calls whose update is on the wire still hear how that ends, unless the client is closed. */
  drop(contact: PendingContact, reason: DroppedReason): void
}

/** True when something of the contact is on no wire. */
export const hasUnsent = ({ fields, onWire }: PendingContact): boolean =>
  Object.keys(fields).some((field) => !onWire[field])

export const createOutbox = ({ store, emit, open }: EngineContext): Outbox => {
  const all = new Map<string, PendingContact>()

  const settle: Outbox['settle'] = (contact, outcome, updateNumber, againInMs) => {
    const { id, calls, refused } = contact
    const { status, reason } = outcome
    const ending = [...calls].filter(
      (call) => updateNumber === undefined || call.updateNumber === updateNumber || !call.isOpen,
    )
    // First: a listener may call anything.
    for (const call of ending) calls.delete(call)
    if (!calls.size || updateNumber) contact.refused = []
    const told = emit(id, status, reason, { refused: refused.length ? refused : undefined, againInMs })
    for (const call of ending) call.end(told)
  }

  const drop: Outbox['drop'] = (contact, reason) => {
    contact.cancelDebounce?.()
    all.delete(contact.id)
    settle(contact, dropped(reason), reason === 'closed' ? undefined : 0)
  }

  /** After a reset in another tab, what waits here belongs to the session before. */
  const isLive: Outbox['isLive'] = (contact) => {
    if (all.get(contact.id) !== contact) return false
    if (contact.session === store.read().session) return true
    drop(contact, 'reset')
    return false
  }

  return {
    all,
    settle,
    drop,
    isLive,
    takeUp: (id) => {
      const former = all.get(id)
      const { session, outbox } = store.read()
      const contact =
        former && isLive(former)
          ? former
          : { id, session, fields: {}, onWire: {}, carries: {}, calls: new Set<OpenCall>(), refused: [] }
      const own = contact.fields
      contact.fields = joinFields(outbox.get(id), own)
      // What another tab has called since is on no wire of ours.
      for (const [field, one] of Object.entries(contact.fields)) if (!covers(own[field], one)) contact.onWire[field] = 0
      all.set(id, contact)
      return contact
    },
    callOf: ({ id, calls }, updateNumber) => {
      for (const call of calls) if (call.isOpen && call.updateNumber === updateNumber) return call
      const call = open(id)
      call.updateNumber = updateNumber
      calls.add(call)
      return call
    },
    release: ({ id, fields }) => {
      if (isEmpty(fields)) all.delete(id)
    },
  }
}
