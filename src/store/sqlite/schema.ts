import { randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { OrqError } from '../../core/errors.ts'

/**
 * One step per schema version, never changed once released. `wake` is null without a payload, so the index holds what is
 * pending alone, and `pending_since` in it lets it be counted without the table.
 */
const steps: readonly string[] = [
  `CREATE TABLE contacts (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    payload TEXT,
    version INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    pending_since INTEGER,
    wake INTEGER,
    span INTEGER NOT NULL,
    lease INTEGER,
    reason TEXT,
    parked TEXT,
    ledger TEXT,
    numbers TEXT,
    not_before INTEGER,
    updated INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX contacts_wake ON contacts (wake, version, pending_since) WHERE wake IS NOT NULL;
  CREATE INDEX contacts_parked ON contacts (id) WHERE parked IS NOT NULL`,
]

const versionOf = (database: DatabaseSync): number => {
  const isThere = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get()
  if (!isThere) return 0
  const found = database.prepare("SELECT value FROM meta WHERE name = 'schema'").get() as { value: number } | undefined
  return Number(found?.value ?? 0)
}

/** What the hashes of a store are keyed with: two stores never have the same, unless one has succeeded the other. */
export const keyOf = (database: DatabaseSync): Buffer => {
  const { value } = database.prepare("SELECT value FROM meta WHERE name = 'key'").get() as { value: Uint8Array }
  return Buffer.from(value)
}

/** Whether the file holds our tables, of whatever version. */
export const isStore = (database: DatabaseSync): boolean => versionOf(database) > 0

/**
 * Brings the file to this program's schema, in one transaction.
 * @param options `key` of a new file: what its hashes are keyed with; random when it is not given
 * @throws OrqError `STORE_UNUSABLE` for a file of a later version: its rows may mean something else
 */
export const migrate = (
  database: DatabaseSync,
  path: string,
  { key, all = steps }: { key?: Uint8Array | undefined; all?: readonly string[] } = {},
): void => {
  // A command that opens the file of a running proxy has nothing to write, so it need not wait for its turn.
  if (versionOf(database) === all.length) return
  database.exec('BEGIN IMMEDIATE')
  try {
    database.exec('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT')
    const version = versionOf(database)
    if (version > all.length)
      throw new OrqError(
        'STORE_UNUSABLE',
        `the store ${path} was written by a later version of orq-identify (schema ${version}, this one knows ${all.length}); install that version`,
      )
    for (const step of all.slice(version)) database.exec(step)
    const write = database.prepare('INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING')
    write.run('key', key ?? randomBytes(32))
    write.run('sequence', 0)
    database
      .prepare("INSERT INTO meta (name, value) VALUES ('schema', ?) ON CONFLICT DO UPDATE SET value = excluded.value")
      .run(all.length)
    database.exec('COMMIT')
  } catch (error) {
    rollBack(database)
    throw error
  }
}

/** Some failures (a full disk, an I/O error) have ended the transaction already. */
export const rollBack = (database: DatabaseSync): void => {
  try {
    database.exec('ROLLBACK')
  } catch {}
}
