import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { createPostgres } from './postgres-process.ts'
import { freePort, type PostgresServer, urlOf } from './postgres-server.ts'

/** A second PostgreSQL that follows a first one, and can only be read until it is promoted. */
export interface Standby {
  /** Of a database of the first one. */
  urlOf(database: string): string
  promote(): Promise<void>
  stop(): Promise<void>
}

const connect = async (port: number): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: urlOf(port, 'postgres') })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** By hand what `pg_basebackup` does (https://www.postgresql.org/docs/current/continuous-archiving.html). */
const copyData = async (from: PostgresServer, databaseDir: string): Promise<void> => {
  const { run } = from
  const client = await connect(run.port)
  await client.query("SELECT pg_backup_start('standby', true)")
  cpSync(run.databaseDir, databaseDir, { recursive: true, filter: (path) => !/postmaster\.(pid|opts)$/.test(path) })
  const { rows } = await client.query('SELECT labelfile FROM pg_backup_stop()')
  await client.end()
  const source = `host=127.0.0.1 port=${run.port} user=postgres password=secret`
  writeFileSync(join(databaseDir, 'backup_label'), rows[0].labelfile)
  writeFileSync(join(databaseDir, 'standby.signal'), '')
  writeFileSync(join(databaseDir, 'postgresql.auto.conf'), `primary_conninfo = '${source}'\n`)
}

export const startStandby = async (primary: PostgresServer): Promise<Standby> => {
  const postgres = createPostgres()
  await copyData(primary, postgres.databaseDir)
  postgres.give(postgres.databaseDir)
  const port = await freePort()
  await postgres.start(port, primary.run.settings, ['ready to accept read-only connections', 'started streaming WAL'])
  return {
    urlOf: (database) => urlOf(port, database),
    promote: async () => {
      const client = await connect(port)
      await client.query('SELECT pg_promote(true)')
      await client.end()
    },
    stop: postgres.remove,
  }
}
