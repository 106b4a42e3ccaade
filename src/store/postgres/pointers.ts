import type { Client, ClientBase } from 'pg'
import type { Db, PgBoss } from 'pg-boss'
import type { Database } from './database.ts'
import { unusable } from './problem.ts'
import { type Found, pointerOf } from './rows.ts'

/** When a contact's row comes due, by the database's clock. */
export interface Pointer {
  key: string
  wake: number
}

/**
 * The alarm clock: at most one job of pg-boss per contact, whose id is the key of the contact's row and which holds
 * nothing else. It wakes; who may deliver is the row's lease alone, so a job that comes too often or too early is harmless.
 */
export interface Pointers {
  /** On a connection without time-outs: a later version of pg-boss may have much to change. */
  start(client: Client): Promise<void>
  /** Takes the jobs that have come due, in the transaction of the caller, which has to set or remove each. */
  take(client: ClientBase, limit: number): Promise<string[]>
  /** Puts new jobs in the place of those that there are. */
  set(client: ClientBase, pointers: readonly Pointer[]): Promise<void>
  remove(client: ClientBase, keys: readonly string[]): Promise<void>
  /** SQL that is true of a key `c.key` which has a job that waits. */
  readonly exists: string
  stop(): Promise<void>
}

const queue = 'contacts'
const noKey = '00000000-0000-0000-0000-000000000000'

const dbOf = (client: ClientBase): Db => ({
  executeSql: (text, values) => client.query(text, values as unknown[]),
})

export interface PointersOptions {
  Boss: typeof PgBoss
  /** The latest version of its tables that `Boss` knows. */
  bossSchema: number
  database: Database
  /** Of pg-boss's tables; it exists. */
  schema: string
}

export const createPointers = ({ Boss, bossSchema, database, schema }: PointersOptions): Pointers => {
  let starting: Client | undefined
  // No supervision: nothing stays active, because a job is taken, and set anew or removed, in one transaction.
  const boss = new Boss({
    db: {
      executeSql: async (text, values) =>
        starting ? starting.query(text, values) : { rows: await database.query(text, values) },
    },
    schema,
    createSchema: false,
    supervise: false,
    schedule: false,
    registerInstance: false,
  })
  // What fails is told to who asked for it.
  boss.on('error', () => {})
  boss.on('warning', () => {})

  const remove = async (client: ClientBase, keys: readonly string[]): Promise<void> => {
    if (keys.length) await boss.deleteJob(queue, [...keys], { db: dbOf(client) })
  }

  /** pg-boss itself goes on with tables of a later version, whatever they mean. */
  const refuseLater = async (client: Client): Promise<void> => {
    const { rows: tables } = await client.query('SELECT to_regclass($1) AS oid', [`${schema}.version`])
    if (tables[0]?.oid === null) return
    const { rows } = await client.query(`SELECT version::integer FROM ${schema}.version`)
    if (rows[0]?.version > bossSchema)
      throw unusable(
        `has tables of a later pg-boss (schema ${rows[0].version}, this one knows ${bossSchema})`,
        'npm install pg-boss@12 for the latest one here too',
      )
  }

  return {
    start: async (client) => {
      await refuseLater(client)
      starting = client
      await boss.start()
      await boss.createQueue(queue, { policy: 'standard', retryLimit: 0 })
      // What pg-boss asks once for a queue it has asked now, and not in the middle of a transaction.
      await remove(client, [noKey])
      starting = undefined
    },
    take: async (client, limit) =>
      (await boss.fetch(queue, { batchSize: limit, db: dbOf(client) })).map(({ id }) => id),
    set: async (client, pointers) => {
      if (!pointers.length) return
      const sorted = [...pointers].sort((a, b) => (a.key < b.key ? -1 : 1))
      await remove(
        client,
        sorted.map(({ key }) => key),
      )
      const jobs = sorted.map(({ key, wake }) => ({ id: key, startAfter: new Date(wake).toISOString() }))
      await boss.insert(queue, jobs, { db: dbOf(client) })
    },
    remove,
    // Not EXISTS: joined to others, a key could be looked for among all that wait.
    exists: `(SELECT j.state IN ('created', 'retry') FROM ${schema}.job AS j WHERE j.name = '${queue}' AND j.id = c.key) IS TRUE`,
    stop: () => boss.stop({ graceful: false, close: false }),
  }
}

/**
 * Sets and removes the pointer jobs of rows that came or ceased to be due at some time.
 * @returns undefined when there is nothing to do
 */
export const movePointers = (
  client: ClientBase,
  pointers: Pointers,
  changed: readonly Found[],
): Promise<unknown> | undefined => {
  const moved = changed
    .map(({ key, pointer, row }) => ({ key, from: pointer, wake: pointerOf(row) }))
    .filter(({ from, wake }) => from !== wake)
  if (!moved.length) return undefined
  const removed = moved.filter(({ wake }) => wake === undefined).map(({ key }) => key)
  const set = moved.flatMap(({ key, wake }): Pointer[] => (wake === undefined ? [] : [{ key, wake }]))
  return Promise.all([pointers.remove(client, removed), pointers.set(client, set)])
}
