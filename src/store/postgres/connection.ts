import { Socket } from 'node:net'
import type { Client, ClientBase, ClientConfig, Pool, PoolClient } from 'pg'
import type { PgBoss } from 'pg-boss'
import { poolerHint, unusable } from './problem.ts'

export interface ConnectionOptions {
  url: string
  poolSize: number
  timeoutMs: number
}

/** PostgreSQL 13 is the oldest that pg-boss runs on. */
const oldestVersion = 130_000
/** Who was stopped inside a transaction must not hold its rows for longer. */
const idleTransactionMs = 5_000

const startLockMs = 60_000
/**
 * Rows are never waited for, but what makes one, or changes its job, may still have to wait: whoever was stopped then must not
 * hold up what has nothing to do with it.
 */
const lockMs = 500

interface Packages {
  pg: typeof import('pg')
  Boss: typeof PgBoss
  /** The version of pg-boss's tables that it knows. */
  bossSchema: number
}

/**
 * Rows are found by their key, or in the order of an index, and never many of a table. PostgreSQL plans a statement once for
 * a connection: made while the table is empty, the plan would be to read all of it, however large it grows before the next
 * ANALYZE.
 */
const planning = ['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin'].map((way) => `enable_${way}=off`).concat('jit=off')

/** Only here: whoever keeps rows elsewhere need not install them. */
const loadPackages = async (): Promise<Packages> => {
  try {
    const [pg, { PgBoss: Boss }, { default: own }] = await Promise.all([
      import('pg'),
      import('pg-boss'),
      import('pg-boss/package.json', { with: { type: 'json' } }),
    ])
    return { pg: pg.default as unknown as typeof import('pg'), Boss, bossSchema: own.pgboss.schema }
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    if (code !== 'ERR_MODULE_NOT_FOUND' || !/'(pg|pg-boss)'/.test(message)) throw error
    throw unusable('needs two more packages', 'npm install pg@8 pg-boss@12', error)
  }
}

/** Refuses what could lose an update that was answered 2xx. */
const check = async (client: Client): Promise<void> => {
  const { rows } = await client.query(
    `SELECT current_setting('server_version_num')::integer AS version, current_setting('synchronous_commit') AS commits,
      current_setting('fsync') AS fsync, (SELECT setting::integer FROM pg_settings WHERE name = 'lock_timeout') AS patience,
      current_setting('transaction_read_only') AS "readOnly",
      pg_is_in_recovery() AS "isReplica"`,
  )
  const { version, commits, fsync, patience, readOnly, isReplica } = rows[0]
  // Without its time-outs a process that froze would hold its rows for good; and a pooler that drops settings is one that
  // gives every transaction another session, where prepared statements and locks of the start are lost.
  if (patience !== startLockMs) throw unusable('is reached through a pooler that drops settings', poolerHint)
  if (version < oldestVersion) throw unusable('is a PostgreSQL before 13', 'give the URL of a newer one')
  if (isReplica || readOnly === 'on') throw unusable('is a read-only replica', 'give the URL of the primary')
  if (!['on', 'remote_apply'].includes(commits))
    throw unusable(
      `could lose what was accepted: synchronous_commit is ${commits}`,
      'set it to on for this user: ALTER ROLE … SET synchronous_commit = on',
    )
  if (fsync !== 'on') throw unusable('could lose what was accepted: fsync is off', 'turn it on in postgresql.conf')
}

/**
 * The driver takes these three for `verify-full`, with a warning that they will mean less one day. They never do here: who
 * asks for TLS is not content with anybody who speaks it.
 */
const strict = (url: string): string =>
  url.replace(/([?&]sslmode=)(prefer|require|verify-ca)(?=[&#]|$)/, '$1verify-full')

/** However it came about: by `sslmode=no-verify`, `ssl=no-verify`, or the environment. */
const refuseBlindTrust = (client: Client): void => {
  const { ssl } = client as unknown as { ssl?: { rejectUnauthorized?: boolean; checkServerIdentity?: unknown } }
  if (ssl?.rejectUnauthorized === false || ssl?.checkServerIdentity)
    throw unusable(
      'would be trusted whoever it is: its certificate is not verified',
      'give sslmode=verify-full, and sslrootcert=FILE for a CA of your own',
    )
}

export interface Connections {
  pool: Pool
  /** Ends one, which may not answer, at once: what was sent and has not arrived never does. */
  cut(client: PoolClient): void
  /** The same with all, those that are being made among them. */
  cutAll(): void
}

/** Each with a socket that is known from the start, so that it can be ended in any state. */
const withSockets = ({ Client }: typeof import('pg')) => {
  const sockets = new Map<ClientBase, Socket>()
  const OwnClient = class extends Client {
    constructor(config: ClientConfig) {
      const socket = new Socket()
      super({ ...config, stream: () => socket })
      sockets.set(this, socket)
      socket.once('close', () => sockets.delete(this))
    }
  }
  const cut = (client: ClientBase): void => {
    const socket = sockets.get(client)
    // Not while it connects, which could be waited for, and not one of a folder.
    if (socket?.remoteFamily && !socket.connecting) socket.resetAndDestroy()
    else socket?.destroy()
  }
  return { OwnClient, cut, cutAll: () => [...sockets.keys()].forEach(cut) }
}

export interface Connection extends Connections {
  Boss: typeof PgBoss
  bossSchema: number
  /** For what is done once, at the start, and takes its time; to be ended. */
  client: Client
}

/** Connects, and checks that what is written there stays there. @throws OrqError `STORE_UNUSABLE`, or the driver's error */
export const connect = async ({ url, poolSize, timeoutMs }: ConnectionOptions): Promise<Connection> => {
  const { pg, Boss, bossSchema } = await loadPackages()
  const settings = {
    connectionString: strict(url),
    application_name: 'orq-identify',
    keepAlive: true,
    connectionTimeoutMillis: timeoutMs,
  }
  // Others that start at the same time are waited for, but not one that hangs.
  const client = new pg.Client({ ...settings, lock_timeout: startLockMs })
  // Whoever waits for an answer is told.
  client.on('error', () => {})
  refuseBlindTrust(client)
  try {
    await client.connect()
    await check(client)
  } catch (error) {
    await client.end().catch(() => {})
    throw error
  }
  const { OwnClient, cut, cutAll } = withSockets(pg)
  const pool = new pg.Pool({
    ...settings,
    Client: OwnClient as unknown as new () => ClientBase,
    max: poolSize,
    // Statements follow each other without waiting for each answer.
    pipeline: true,
    options: planning.map((setting) => `-c ${setting}`).join(' '),
    statement_timeout: timeoutMs,
    lock_timeout: Math.min(lockMs, timeoutMs / 2),
    // A network that swallows packets: PostgreSQL's own time-out never arrives.
    query_timeout: timeoutMs + 1_000,
    idle_in_transaction_session_timeout: idleTransactionMs,
  })
  // A connection that ends: who uses it is told by the statement, and the next use makes a new one.
  pool.on('error', () => {})
  pool.on('connect', (one) => one.on('error', () => {}))
  return {
    pool,
    cut: (client) => {
      client.release(true)
      cut(client)
    },
    cutAll,
    Boss,
    bossSchema,
    client,
  }
}

/** That there are as many connections as may be needed is found out now, and not when they are. */
export const fill = async (pool: Pool, size: number): Promise<void> => {
  const opened = await Promise.allSettled(Array.from({ length: size }, () => pool.connect()))
  for (const one of opened) if (one.status === 'fulfilled') one.value.release()
  const failed = opened.find((one) => one.status === 'rejected')
  if (failed) throw failed.reason
}
