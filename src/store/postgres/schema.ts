import { randomBytes } from 'node:crypto'
import type { ClientBase } from 'pg'
import { OrqError } from '../../core/errors.ts'
import { unusable } from './problem.ts'

/**
 * One step per schema version, never changed once released. `wake` is null without a payload, so what is pending is in one of
 * two indexes, and nothing else is: who is free, in the order in which the sweeper goes, or who is held. `pending_since` in
 * them lets it be counted without the table. `now_ms` is the one clock of all processes, `swept` how far the sweeper is.
 */
const steps: readonly string[] = [
  `CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS
    'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
  CREATE SEQUENCE versions;
  CREATE TABLE contacts (
    key uuid PRIMARY KEY,
    payload text,
    version bigint NOT NULL,
    attempts integer NOT NULL,
    pending_since bigint,
    wake bigint,
    span bigint NOT NULL,
    lease bigint,
    reason text,
    parked text,
    ledger text,
    numbers text,
    not_before bigint,
    updated bigint NOT NULL
  );
  INSERT INTO meta (name) VALUES ('swept');
  CREATE INDEX contacts_free ON contacts (wake, key) INCLUDE (pending_since) WHERE wake IS NOT NULL AND lease IS NULL;
  CREATE INDEX contacts_held ON contacts (wake) INCLUDE (pending_since) WHERE wake IS NOT NULL AND lease IS NOT NULL;
  CREATE INDEX contacts_parked ON contacts (key) WHERE parked IS NOT NULL`,
]

/** Of pg-boss alone, so that an application's own pg-boss may have another version. */
export const pointerSchema = (schema: string): string => `${schema}_pgboss`

/** For who only looks after a store. @throws OrqError `STORE_UNUSABLE` where none is */
export const requireStore = async (client: ClientBase, schema: string): Promise<void> => {
  const { rows } = await client.query('SELECT to_regclass($1) AS oid', [`${schema}.meta`])
  if (rows[0]?.oid === null)
    throw unusable(
      `is not there: the database has no schema ${schema} of a proxy`,
      'check ORQ_STORE and ORQ_STORE_SCHEMA',
    )
}

/**
 * Brings the database to this program's schema, in one transaction. Only one process may do so at a time.
 * @param options `key` of a store that is made: what its hashes are keyed with; random when it is not given
 * @returns the key of the store's hashes
 * @throws OrqError `STORE_UNUSABLE` for a schema of a later version: its rows may mean something else
 */
export const migrate = async (
  client: ClientBase,
  schema: string,
  { key = randomBytes(32), all = steps }: { key?: Uint8Array | undefined; all?: readonly string[] | undefined } = {},
): Promise<Uint8Array> => {
  await client.query('BEGIN')
  try {
    for (const name of [schema, pointerSchema(schema)]) {
      const { rows: found } = await client.query('SELECT to_regnamespace($1) AS oid', [name])
      // Not `IF NOT EXISTS` alone: it asks for the right to create one even where there is one.
      if (found[0]?.oid === null) await client.query(`CREATE SCHEMA IF NOT EXISTS ${name}`)
    }
    await client.query(`SET LOCAL search_path = ${schema}, pg_catalog`)
    const { rows: tables } = await client.query('SELECT to_regclass($1) AS oid', [`${schema}.meta`])
    if (tables[0]?.oid === null) {
      await client.query('CREATE TABLE meta (name text PRIMARY KEY, value bytea, number bigint)')
      await client.query("INSERT INTO meta (name, value) VALUES ('key', $1)", [key])
      await client.query("INSERT INTO meta (name, number) VALUES ('schema', 0), ('checked', 0)")
    }
    const { rows: meta } = await client.query(
      "SELECT name, value, number::int FROM meta WHERE name IN ('key', 'schema')",
    )
    const version: number = meta.find(({ name }) => name === 'schema')?.number ?? 0
    if (version > all.length)
      throw new OrqError(
        'STORE_UNUSABLE',
        `the schema ${schema} was written by a later version of orq-identify (schema ${version}, this one knows ${all.length}); install that version`,
      )
    for (const step of all.slice(version)) await client.query(step)
    if (version < all.length) await client.query("UPDATE meta SET number = $1 WHERE name = 'schema'", [all.length])
    await client.query('COMMIT')
    return meta.find(({ name }) => name === 'key')?.value as Uint8Array
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}
