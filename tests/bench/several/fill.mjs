const blockBytes = 64
const block = (key, byte) => Buffer.alloc(blockBytes, byte).map((value, index) => value ^ (key[index] ?? 0))

/**
 * Makes contacts number 1 to `count` in the table that the proxy has made, each at rest: the row of one that it has
 * delivered, under the key that the proxy will look for.
 */
export const fill = async (database, count) => {
  const [{ value: key }] = await database.query("SELECT value FROM orq.meta WHERE name = 'key'")
  const columns = await database.query(
    `SELECT attname AS name FROM pg_attribute WHERE attrelid = 'orq.contacts'::regclass AND attnum > 0 AND attname <> 'key'`,
  )
  const names = columns.map(({ name }) => name).join()
  // HMAC-SHA-256 (RFC 2104), cut to 128 bits, as in src/store/keyed-hash.ts.
  await database.query(
    `INSERT INTO orq.contacts (key, ${names})
     SELECT encode(substring(sha256($1::bytea || sha256($2::bytea || convert_to('id:person_' || n, 'UTF8'))) FOR 16), 'hex')::uuid,
       ${names}
     FROM generate_series(1, $3::integer) AS n, (SELECT * FROM orq.contacts LIMIT 1) AS delivered
     ON CONFLICT (key) DO NOTHING`,
    [block(key, 0x5c), block(key, 0x36), count],
  )
  await database.query('VACUUM (ANALYZE) orq.contacts')
  const [{ rows }] = await database.query('SELECT count(*)::int AS rows FROM orq.contacts')
  // The proxy's own rows are among these, so other keys than its own would be more.
  if (rows !== count) throw new Error(`${rows} rows instead of ${count}: does the proxy make keys in another way?`)
  const [{ bytes }] = await database.query("SELECT pg_total_relation_size('orq.contacts')::float8 AS bytes")
  return bytes
}
