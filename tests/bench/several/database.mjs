import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { startPostgres } from '../../store/postgres-server.ts'
import { childrenOf, cpuMsOf, endedChildrenCpuMsOf, ioOf } from '../process-usage.mjs'

const sum = (values) => values.reduce((total, value) => total + value, 0)

/** Of processes that may end at any moment. */
const sumOver = (pids, read) =>
  sum(
    pids.map((pid) => {
      try {
        return read(pid)
      } catch {
        return 0
      }
    }),
  )

const open = async (url, pid) => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const query = async (text, values) => (await client.query(text, values)).rows
  await query('CREATE EXTENSION pg_walinspect')
  return {
    url,
    query,
    /** What PostgreSQL has used so far, exact at any moment: milliseconds, bytes, a position in the log. */
    usage: async () => {
      const [{ lsn }] = await query('SELECT pg_current_wal_flush_lsn() AS lsn')
      const pids = [pid, ...childrenOf(pid)]
      return {
        lsn,
        cpuMs: sumOver(pids, cpuMsOf) + endedChildrenCpuMsOf(pid),
        readBytes: sumOver(pids, (one) => ioOf(one).rchar),
        writtenBytes: sumOver(pids, (one) => ioOf(one).wchar),
      }
    },
    /** Of the log between two positions: bytes in all, of records, and of whole pages. */
    walBetween: async (from, to) => {
      const [row] = await query(
        `SELECT pg_wal_lsn_diff($2, $1)::float8 AS bytes, sum(record_size)::float8 AS "recordBytes",
           sum(fpi_size)::float8 AS "imageBytes" FROM pg_get_wal_stats($1, $2)`,
        [from, to],
      )
      return row
    },
    /** PostgreSQL's own count. Each connection adds to it when it ends, and else not more often than once a second. */
    commits: async () => {
      // Each of the others may end a moment after its client.
      const others = `SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`
      while ((await query(others))[0].n > 0);
      await query('SELECT pg_stat_clear_snapshot()')
      const [{ commits }] = await query(
        'SELECT xact_commit::float8 AS commits FROM pg_stat_database WHERE datname = current_database()',
      )
      return commits
    },
    /** Resolves when nothing is undelivered, and so every transaction of an update has ended. */
    whenDelivered: async () => {
      while ((await query('SELECT 1 FROM orq.contacts WHERE wake IS NOT NULL LIMIT 1')).length);
    },
    close: () => client.end(),
  }
}

/** PostgreSQL as it comes, with every setting at its default. */
export const startDatabase = async () => {
  const server = await startPostgres()
  const url = await server.createDatabase()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(
    "SELECT current_setting('data_directory') AS folder, current_setting('server_version') AS version",
  )
  await client.end()
  const [{ folder, version }] = rows
  const pid = Number(readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')[0])
  return {
    version,
    /** A new, empty one. */
    create: async () => open(await server.createDatabase(), pid),
    stop: server.stop,
  }
}
