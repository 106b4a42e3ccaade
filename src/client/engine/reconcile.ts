import { hash } from '../../core/hash.ts'
import { isAcknowledged } from '../../core/ledger.ts'
import type { EngineContext } from '../engine-context.ts'
import { ledgerOf } from '../state.ts'
import { covers, joinFields, type WaitingFields } from '../waiting-fields.ts'
import type { PendingContact } from './outbox.ts'

/**
 * Joins what any tab has stored, and leaves out what another tab has sent or called later. Without the lock another tab may
 * be sending what is stored: then only our own stays.
 */
export const reconcile = ({ settings, store }: EngineContext, contact: PendingContact, isLocked: boolean): void => {
  const { clock, dedupeTtlMs } = settings
  const { id, fields: own } = contact
  const state = store.read()
  const stored = state.outbox.get(id) ?? {}
  const ledger = ledgerOf(state, id)
  const rest: WaitingFields = {}
  let isNews = false
  for (const [field, waiting] of Object.entries(joinFields(stored, own))) {
    const known = ledger[field]
    if (!isLocked && own[field]?.[1] !== waiting[1]) continue
    // Another tab has sent a later call.
    if ((known?.[2] ?? 0) > waiting[1]) delete stored[field]
    else {
      rest[field] = waiting
      const isKnown = isAcknowledged(known, hash(state.salt, waiting[0]), clock.now(), dedupeTtlMs)
      if (waiting[2] || !isKnown) isNews = true
    }
  }
  // What another tab has called is on no wire of ours.
  for (const [field, waiting] of Object.entries(rest)) if (!covers(own[field], waiting)) contact.onWire[field] = 0
  // A body carries every field of its calls; but what is known altogether needs none.
  contact.fields = isNews ? rest : {}
  if (isNews) return
  for (const [field, waiting] of Object.entries(rest)) {
    delete stored[field]
    // So that a tab which waits with an older call knows that it is older.
    ledger[field]![2] = waiting[1]
  }
}
