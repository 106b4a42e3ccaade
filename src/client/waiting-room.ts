import { type Contact, mergeFields } from '../core/contact.ts'
import type { Outcome } from './outcome.ts'

type Caller = (outcome: Outcome | Promise<Outcome>) => void

/** Calls made before `init`, or while consent is pending. */
export interface WaitingRoom {
  add(contact: Contact, force: boolean): Promise<Outcome>
  /** Runs what waits, in order; calls of one person in a row are one call with the later value of each field. */
  replay(run: (contact: Contact, force: boolean) => Outcome | Promise<Outcome>): void
  /** Ends what waits with this outcome. */
  empty(outcome: Outcome): void
}

export const createWaitingRoom = (): WaitingRoom => {
  let calls: { contact: Contact; force: boolean; promise: Promise<Outcome>; resolve: Caller }[] = []
  const leave = (outcomeOf: (contact: Contact, force: boolean) => Outcome | Promise<Outcome>): void => {
    const leaving = calls
    calls = []
    for (const { contact, force, resolve } of leaving) resolve(outcomeOf(contact, force))
  }
  return {
    add: (contact, force) => {
      const last = calls.at(-1)
      if (last?.contact.external_id === contact.external_id) {
        last.contact = { ...mergeFields(last.contact, contact), external_id: contact.external_id }
        last.force ||= force
        return last.promise
      }
      let resolve: Caller = () => {}
      const promise = new Promise<Outcome>((done) => {
        resolve = done
      })
      calls.push({ contact, force, promise, resolve })
      return promise
    },
    replay: leave,
    empty: (outcome) => leave(() => outcome),
  }
}
