import { markSent } from '../core/ledger.ts'
import type { InFlight } from './post.ts'
import { ledgerOf, type State } from './state.ts'
import type { WaitingFields } from './waiting-fields.ts'

/**
 * What the core sends of a contact without the chunk, taken out of the ledger. What another tab has sent a later call of is
 * given up. Its number is that of the last call: the same for the same body, and higher for a later one; 0: nothing is left.
 */
export const toBareUpdate = (state: State, id: string, waiting: WaitingFields): Omit<InFlight, 'response'> => {
  const ledger = ledgerOf(state, id)
  const fields: WaitingFields = {}
  let updateNumber = 0
  for (const [field, one] of Object.entries(waiting)) {
    const [, calledAt] = one
    if ((ledger[field]?.[2] ?? 0) > calledAt) delete waiting[field]
    else {
      markSent(ledger, field, calledAt)
      fields[field] = one
      updateNumber = Math.max(updateNumber, calledAt)
    }
  }
  return { id, session: state.session, fields, updateNumber }
}
