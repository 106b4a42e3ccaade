import { hash } from '../../core/hash.ts'
import { isAcknowledged } from '../../core/ledger.ts'
import { createRecorder } from '../acknowledge.ts'
import type { EngineContext } from '../engine-context.ts'
import { ledgerOf } from '../state.ts'
import type { Outbox } from './outbox.ts'
import type { SenderParts } from './sender-types.ts'

/** When after an acknowledgement it is looked at again, in milliseconds; the lock is held longer. */
const recheckMs = [30, 60, 90]

/**
 * Sees to it that an acknowledgement stays: storage has no transactions, and a tab that has read before us and writes after
 * us, a new call say, undoes what we wrote. So it is looked at again while nobody else may send, and written again when it
 * is gone.
 */
export const createRecheck = (context: EngineContext, outbox: Outbox): SenderParts['recheck'] => {
  const { settings, store, mayRun } = context
  const { clock, dedupeTtlMs } = settings
  const record = createRecorder(settings, store)
  return ({ id, session }, fields) => {
    // Outside a document nobody shares our storage.
    if (typeof document === 'undefined') return
    const look = (): void => {
      const state = store.read()
      const ledger = ledgerOf(state, id)
      const isGone = Object.entries(fields).some(([field, [json, calledAt]]) => {
        const known = ledger[field]
        const isThere = isAcknowledged(known, hash(state.salt, json), clock.now(), dedupeTtlMs)
        return !isThere && !(known && known[2] > calledAt)
      })
      // Nothing there at all: the page, or the person, has emptied the storage, and that stands; so does a call since.
      const isEmptied = !store.revision() || outbox.all.has(id)
      if (isGone && !isEmptied && mayRun() && session === state.session) record(id, fields)
    }
    for (const ms of recheckMs) clock.after(ms, look)
  }
}
