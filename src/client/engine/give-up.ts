import type { StateStore } from '../state.ts'
import type { WaitingFields } from '../waiting-fields.ts'

/** Takes fields out of the stored outbox that no proxy will ever take. */
export const giveUp = (store: StateStore, id: string, fields: WaitingFields): void => {
  const stored = store.read().outbox.get(id) ?? {}
  for (const [field, [, calledAt]] of Object.entries(fields))
    if (!((stored[field]?.[1] ?? 0) > calledAt)) delete stored[field]
  store.save()
}
