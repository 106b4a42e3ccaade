import { DatabaseSync } from 'node:sqlite'
import { type Contact, type Fields, mergeFields } from '../core/contact.ts'
import { createUlids } from './ulid.ts'

/** A contact as the API answers it. A field that was cleared is null, `[]` or `{}`; one never given is absent. */
export interface StoredContact extends Contact {
  /** `contact_` and a ULID. */
  _id: string
  /** When it was first written, in ISO 8601 with milliseconds. */
  created: string
  /** When it was last written, the same or not, in the same form. */
  updated: string
}

/** One page of a list, as the API answers it. */
export interface Page {
  /** Newest first. */
  data: StoredContact[]
  /** Whether more contacts follow in the direction of reading. */
  has_more: boolean
}

/** At most one of the two cursors: a `_id`, exclusive. */
export interface PageRequest {
  /** Contacts at most. */
  limit: number
  /** Contacts older than this one. */
  startingAfter?: string | undefined
  /** Contacts newer than this one, the nearest. */
  endingBefore?: string | undefined
}

/** A contact was written, whether or not anything in it is different. */
export interface ContactChange {
  /** As it is now. */
  contact: StoredContact
  /** False: there was one with this external id. */
  created: boolean
}

/** Where contacts are kept. Whatever it hands out is a copy. */
export interface ContactTable {
  /** By `_id` or `external_id`; no external id looks like a `_id`. */
  find(reference: string): StoredContact | undefined
  /** Newest first, whichever way it is read. */
  list(page: PageRequest): Page
  /** Creates or merges, by external id. */
  upsert(contact: Contact): ContactChange
  /** Lets go of the file, or of what is in memory. */
  close(): void
}

interface Row {
  id: string
  external_id: string
  fields: string
  created: string
  updated: string
}

const contactOf = ({ id, external_id, fields, created, updated }: Row): StoredContact => ({
  _id: id,
  external_id,
  ...(JSON.parse(fields) as Fields),
  created,
  updated,
})

// The id begins with the time of creation, so its index is the order of the list.
const schema = `
  CREATE TABLE IF NOT EXISTS contacts (
    id TEXT NOT NULL UNIQUE,
    external_id TEXT NOT NULL PRIMARY KEY,
    fields TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL
  ) STRICT`

/** The contacts in one SQLite file, or in memory with `:memory:`. @throws when the file cannot be opened */
export const openContactTable = (path: string): ContactTable => {
  const database = new DatabaseSync(path, { timeout: 5_000 })
  database.exec('PRAGMA journal_mode = WAL')
  database.exec(schema)
  const nextUlid = createUlids()
  const byId = database.prepare('SELECT * FROM contacts WHERE id = ?')
  const byExternalId = database.prepare('SELECT * FROM contacts WHERE external_id = ?')
  const older = database.prepare('SELECT * FROM contacts WHERE id < ? ORDER BY id DESC LIMIT ?')
  const newer = database.prepare('SELECT * FROM contacts WHERE id > ? ORDER BY id LIMIT ?')
  const write = database.prepare(
    `INSERT INTO contacts (id, external_id, fields, created, updated) VALUES ($id, $external_id, $fields, $now, $now)
     ON CONFLICT (external_id) DO UPDATE SET fields = $fields, updated = $now RETURNING *`,
  )

  const find = (reference: string): StoredContact | undefined => {
    const row = (byId.get(reference) ?? byExternalId.get(reference)) as Row | undefined
    return row && contactOf(row)
  }

  const list = ({ limit, startingAfter, endingBefore }: PageRequest): Page => {
    // One more than asked for tells whether there are more. `~` sorts after every id.
    const rows = (endingBefore === undefined
      ? older.all(startingAfter ?? '~', limit + 1)
      : newer.all(endingBefore, limit + 1)) as unknown as Row[]
    const data = rows.slice(0, limit).map(contactOf)
    return { data: endingBefore === undefined ? data : data.reverse(), has_more: rows.length > limit }
  }

  const upsert = ({ external_id, ...fields }: Contact): ContactChange => {
    // IMMEDIATE: a second process on the same file could write between our read and our write.
    database.exec('BEGIN IMMEDIATE')
    try {
      const row = byExternalId.get(external_id) as Row | undefined
      const merged = mergeFields(row ? JSON.parse(row.fields) : {}, fields)
      const written = write.get({
        id: `contact_${nextUlid()}`,
        external_id,
        fields: JSON.stringify(merged),
        now: new Date().toISOString(),
      })
      database.exec('COMMIT')
      return { contact: contactOf(written as unknown as Row), created: !row }
    } catch (error) {
      database.exec('ROLLBACK')
      throw error
    }
  }

  return { find, list, upsert, close: () => database.close() }
}
