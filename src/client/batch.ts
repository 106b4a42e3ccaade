import type { Clock } from '../core/ports.ts'
import type { Batch } from './entry.ts'
import type { Outcome } from './outcome.ts'

/** Opens a promise that is settled within `settleMs`: by what happens, or at the deadline with what `late` returns. */
export const createBatch = (clock: Clock, settleMs: number, late: () => Outcome): Batch => {
  let resolve = (_: Outcome): void => {}
  const promise = new Promise<Outcome>((done) => {
    resolve = done
  })
  const cancel = clock.after(settleMs, () => batch.settle(late()))
  const batch: Batch = {
    promise,
    open: true,
    settle: (outcome) => {
      batch.open = false
      cancel()
      resolve(outcome)
    },
  }
  return batch
}
