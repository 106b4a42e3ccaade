import { hash } from '../core/hash.ts'
import { acknowledge } from '../core/ledger.ts'
import type { Settings } from './settings.ts'
import { ledgerOf, type StateStore } from './state.ts'
import type { WaitingFields } from './waiting-fields.ts'

/** Takes fields out of the stored outbox and, as known upstream or as refused for good, into the ledger. */
export const createRecorder =
  ({ clock }: Settings, store: StateStore) =>
  (id: string, fields: WaitingFields, ...refused: [] | [1]): void => {
    const state = store.read()
    const stored = state.outbox.get(id) ?? {}
    for (const [field, [json, calledAt]] of Object.entries(fields)) {
      if (!((stored[field]?.[1] ?? 0) > calledAt)) delete stored[field]
      acknowledge(ledgerOf(state, id), field, [hash(state.salt, json), Math.floor(clock.now()), calledAt, ...refused])
    }
    store.save()
  }
