import type { Contact } from '../core/contact.ts'
import { type OpenCall, openCall } from './open-call.ts'
import { dropped, type Outcome } from './outcome.ts'

/** A call as the pipeline takes it. */
export type TakeCall = (contact: Contact, force: boolean) => Outcome | Promise<Outcome>

/** What is called before `init` or while consent is pending. */
export interface EarlyCalls {
  /** Joins calls of one contact: what waits does not grow with their number, and they share a promise. */
  add(contact: Contact, force: boolean): OpenCall
  /** Drops what waits, and has the stored state reset before what comes later. */
  reset(): void
  /** Hands all to the pipeline, in the order of the last call of each contact. */
  replay(take: TakeCall, reset: () => void): void
  /** Ends the open promises; what was called still waits. */
  settleOpen(outcome: Outcome): void
}

interface Waiting {
  contact: Contact
  force: boolean
  call: OpenCall
}

export const createEarlyCalls = (): EarlyCalls => {
  const waiting = new Map<string, Waiting>()
  let isReset = false

  const settleOpen = (outcome: Outcome): void => {
    for (const { call } of waiting.values()) call.end(outcome)
  }

  return {
    settleOpen,
    add: (contact, force) => {
      const id = contact.external_id
      const former = waiting.get(id)
      const call = former?.call.isOpen ? former.call : openCall()
      // Moved behind the others: the person of the last call is the current one.
      waiting.delete(id)
      waiting.set(id, { contact: { ...former?.contact, ...contact }, force: force || !!former?.force, call })
      return call
    },
    reset: () => {
      isReset = true
      settleOpen(dropped('reset'))
      waiting.clear()
    },
    replay: (take, reset) => {
      if (isReset) reset()
      isReset = false
      for (const [id, { contact, force, call }] of [...waiting]) {
        waiting.delete(id)
        call.end(take(contact, force))
      }
    },
  }
}
