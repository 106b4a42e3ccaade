import type { Clock } from '../core/ports.ts'
import type { Outcome } from './outcome.ts'
import type { WaitingFields } from './waiting-fields.ts'

/** An open promise of `identify`, shared by all calls that one update carries. */
export interface OpenCall {
  /** The number of the update that carries it, or 0. */
  updateNumber: number
  outcome: Promise<Outcome>
  /** Of a call that the core keeps: the stored session, and what it brings. */
  session?: string
  fields?: WaitingFields
  isOpen: boolean
  end(outcome: Outcome | Promise<Outcome>): void
}

export const openCall = (): OpenCall => {
  const call = { updateNumber: 0, isOpen: true } as OpenCall
  call.outcome = new Promise((resolve) => {
    call.end = (outcome) => {
      call.isOpen = false
      resolve(outcome)
    }
  })
  return call
}

/** @param late gives the outcome when nothing else has, after `settleMs` */
export const openCallUntil = (clock: Clock, settleMs: number, late: () => Outcome): OpenCall => {
  const call = openCall()
  const cancel = clock.after(settleMs, () => call.end(late()))
  call.outcome.then(cancel)
  return call
}
