import type { Clock } from '../core/ports.ts'
import type { Claim, Store } from '../store/store.ts'
import type { Outcome } from './attempt.ts'
import type { EventListener } from './events.ts'

export interface RecordOptions {
  store: Store
  clock: Clock
  onEvent?: EventListener | undefined
}

/** Writes into the store what an attempt at a claim came to, which ends the claim. */
export const createRecord =
  ({ store, clock, onEvent }: RecordOptions): ((claim: Claim, outcome: Outcome) => Promise<void>) =>
  (claim, outcome) => {
    const { externalId } = claim
    switch (outcome.kind) {
      case 'done':
        // A clock that was set back says nothing.
        onEvent?.({ type: 'delivered', externalId, ms: Math.max(0, clock.now() - claim.pendingSince) })
        return store.done(claim)
      case 'retry':
        return store.retry(claim, clock.now() + outcome.afterMs, outcome.reason)
      case 'released':
      case 'lost':
        return store.release([claim])
      case 'parked': {
        const { fields, refused, reason } = outcome
        onEvent?.({ type: 'parked', externalId, fields: refused, reason })
        const asked = Object.fromEntries(fields.map((name) => [name, claim.fields[name]]))
        return store.park({ ...claim, fields: asked }, refused, reason)
      }
    }
  }
