import { cpSync, lchownSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import {
  createEmbedded,
  endProcess,
  freePort,
  makeFolder,
  type PostgresServer,
  readPid,
  urlOf,
} from './postgres-server.ts'

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

/** To whom the first one's files belong, and nobody else may read them. */
const giveTo = (owner: string, databaseDir: string): void => {
  const { uid, gid } = statSync(owner)
  if (uid === process.getuid?.()) return
  for (const path of ['', ...readdirSync(databaseDir, { recursive: true, encoding: 'utf8' })])
    lchownSync(join(databaseDir, path), uid, gid)
}

export const startStandby = async (primary: PostgresServer): Promise<Standby> => {
  const folder = makeFolder()
  const { port: primaryPort, databaseDir: owner, settings } = primary.run
  const run = { databaseDir: join(folder, 'data'), port: await freePort(), settings }
  await copyData(primary, run.databaseDir)
  giveTo(owner, run.databaseDir)
  // It resolves when it takes writes, and rejects at its end.
  ;(await createEmbedded(run)).start().catch(() => {})
  const of = await connect(primaryPort)
  const isFollowing = async (): Promise<boolean> =>
    (await of.query("SELECT FROM pg_stat_replication WHERE state = 'streaming'")).rowCount === 1
  while (!(await isFollowing())) await sleep(50)
  await of.end()
  const pid = readPid(run.databaseDir)
  return {
    urlOf: (database) => urlOf(run.port, database),
    promote: async () => {
      const client = await connect(run.port)
      await client.query('SELECT pg_promote(true)')
      await client.end()
    },
    stop: async () => {
      await endProcess(pid, 'SIGINT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
