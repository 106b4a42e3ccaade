import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import type { Certificate } from '../faults/recorder.ts'
import { createPostgres } from './postgres-process.ts'

export { noPostgres } from './postgres-package.mjs'

/** A real PostgreSQL, from the package that tests/package.json installs. */
export interface PostgresServer {
  readonly run: Run
  /** Of a new, empty database, for its superuser. */
  createDatabase(): Promise<string>
  /** Stops it as a power cut would: nothing is finished, the log is read at the next start. */
  crash(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

/** What PostgreSQL is run with: its data's folder, the port of 127.0.0.1, and settings of postgresql.conf, as `name=value`. */
export interface Run {
  databaseDir: string
  port: number
  settings: readonly string[]
}

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

export const urlOf = (port: number, database: string): string =>
  `postgres://postgres:secret@127.0.0.1:${port}/${database}`

/**
 * @param settings of postgresql.conf, as `name=value`
 * @param certificate it speaks TLS to who asks for that, under the name `localhost`
 */
export const startPostgres = async (
  settings: readonly string[] = [],
  certificate?: Certificate,
): Promise<PostgresServer> => {
  const postgres = createPostgres()
  const { folder, databaseDir } = postgres
  await postgres.initialise()
  for (const [name, text] of Object.entries(certificate ?? {})) {
    const file = join(folder, name)
    // It refuses a key that others may read.
    writeFileSync(file, text, { mode: 0o600 })
    postgres.give(file)
  }
  const tls = certificate ? ['ssl=on', `ssl_key_file=${folder}/key`, `ssl_cert_file=${folder}/cert`] : []
  // Asked for as late as can be: nobody holds it until the server does.
  const run = { databaseDir, port: await freePort(), settings: [...tls, ...settings] }
  const start = (): Promise<void> => postgres.start(run.port, run.settings)
  await start()
  let count = 0
  return {
    run,
    createDatabase: async () => {
      const database = `test_${++count}`
      const client = new pg.Client({ connectionString: urlOf(run.port, 'postgres') })
      await client.connect()
      await client.query(`CREATE DATABASE ${database}`)
      await client.end()
      return urlOf(run.port, database)
    },
    // What `pg_ctl stop -m immediate` sends.
    crash: () => postgres.end('SIGQUIT'),
    start,
    stop: postgres.remove,
  }
}
