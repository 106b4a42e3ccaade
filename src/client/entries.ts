import type { Entry } from './entry.ts'
import { type Emit, settleBatches } from './entry.ts'
import { type DroppedReason, dropped } from './outcome.ts'
import type { Records } from './records.ts'

/** What this tab holds, by contact, and whose turn it is. */
export interface Entries {
  /** The entry of this id, made when there is none or when another tab has reset since. */
  of(id: string, records: Records): Entry
  all(): Entry[]
  find(id: string): Entry | undefined
  /** Removes an entry; its calls end as `dropped`. */
  drop(entry: Entry, reason: DroppedReason): void
  /** Removes an entry that holds nothing any more. */
  release(entry: Entry): void
  /** Ids whose turn has come. */
  ready: Set<string>
}

export const createEntries = (emit: Emit): Entries => {
  const entries = new Map<string, Entry>()
  const ready = new Set<string>()
  const drop = (entry: Entry, reason: DroppedReason): void => {
    entry.cancelDebounce()
    entries.delete(entry.id)
    ready.delete(entry.id)
    const batches = entry.batches.splice(0)
    // Only a close gives up on what is on the wire: otherwise its real outcome is about to come.
    if (reason === 'closed') for (const wire of entry.wires) batches.push(...wire.batches)
    if (batches.length) settleBatches(emit, entry.id, batches, dropped(reason))
  }
  return {
    of: (id, { epoch }) => {
      const known = entries.get(id)
      if (known?.epoch === epoch) return known
      if (known) drop(known, 'reset')
      const entry: Entry = { id, fields: {}, batches: [], wires: new Set(), epoch, cancelDebounce: () => {} }
      entries.set(id, entry)
      return entry
    },
    all: () => [...entries.values()],
    find: (id) => entries.get(id),
    drop,
    release: (entry) => {
      if (!entry.wires.size && entry.since === undefined && !Object.keys(entry.fields).length) entries.delete(entry.id)
    },
    ready,
  }
}
