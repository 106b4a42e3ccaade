import { mergeFields } from '../core/contact.ts'
import type { Clock } from '../core/ports.ts'
import type { ContactTable, StoredContact } from './contact-table.ts'
import { createUlids } from './ulid.ts'

/** The contacts in this process alone: what tests need, on runtimes without SQLite too. */
export const createMemoryTable = (clock: Pick<Clock, 'now'>): ContactTable => {
  const nextUlid = createUlids(clock.now)
  /** By external id, oldest first. A Map, for an id can be `__proto__`. */
  const contacts = new Map<string, StoredContact>()
  /** Whoever holds an answer must not change what is stored by it. */
  const copy = (contact: StoredContact): StoredContact => structuredClone(contact)

  return {
    find: (reference) => {
      const found = contacts.get(reference) ?? [...contacts.values()].find(({ _id }) => _id === reference)
      return found && copy(found)
    },
    list: ({ limit, startingAfter, endingBefore }) => {
      const all = [...contacts.values()]
      const rest = all.filter(({ _id }) => (endingBefore ? _id > endingBefore : _id < (startingAfter ?? '~')))
      const data = (endingBefore ? rest.slice(0, limit) : rest.slice(-limit)).reverse()
      return { data: data.map(copy), has_more: rest.length > limit }
    },
    upsert: ({ external_id, ...fields }) => {
      const known = contacts.get(external_id)
      const now = new Date(clock.now()).toISOString()
      const {
        _id,
        external_id: _,
        created,
        updated,
        ...stored
      } = known ?? { _id: `contact_${nextUlid()}`, created: now }
      const contact = { _id, external_id, ...mergeFields(stored, fields), created, updated: now } as StoredContact
      contacts.set(external_id, copy(contact))
      return { contact, created: !known }
    },
    close: () => contacts.clear(),
  }
}
