import type { PoolClient } from 'pg'
import type { Connections } from './connection.ts'
import { waitAtMost } from './patience.ts'
import { type CommitWith, inTransaction } from './transaction.ts'

/**
 * The way to the database. Nothing takes longer than the time-out and a second, finding a connection included; while the
 * database is silent, nothing waits for it but one at a time, that finds out whether it still is.
 */
export interface Database {
  /** One statement by itself. */
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  /** Runs `work` in a transaction of its own, again where it came into conflict with another; see `inTransaction`. */
  transact<T>(work: (client: PoolClient, commitWith: CommitWith) => Promise<T>): Promise<T>
  /** Whether the last that was asked of it was not answered in time. */
  isSilent(): boolean
  /** Ends all connections, those that do not answer by force: what still waits for them rejects. */
  close(): Promise<void>
}

/** No answer within this time is a failure of the database, or of the way there. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError'
  constructor() {
    super('the database does not answer')
  }
}

/** PostgreSQL's own time-out comes first, where it still comes. */
const graceMs = 1_000
/** The longest that is waited for a database that was silent before: who wants to stop must not wait for long. */
const probeMs = 2_000
const closeMs = 1_000

/** Whether PostgreSQL itself has said it: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const isAnswer = (error: unknown): boolean => {
  const { code } = error as { code?: unknown }
  // Of its own accord, because it has heard nothing from us.
  return code !== '25P03' && /^[0-9A-Z]{5}$/.test(String(code))
}

export const createDatabase = (connections: Connections, timeoutMs: number): Database => {
  const { pool } = connections
  let isSilent = false
  let isProbing = false

  const use = async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    const isProbe = isSilent
    if (isProbe && isProbing) throw new SilenceError()
    if (isProbe) isProbing = true
    const start = performance.now()
    let client: PoolClient | undefined
    let isOver = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const working = pool.connect().then((one) => {
      client = one
      if (!isOver) return work(one)
      one.release()
      throw new SilenceError()
    })
    const limit = new Promise<never>((_, reject) => {
      const ms = timeoutMs + graceMs
      timer = setTimeout(() => reject(new SilenceError()), isProbe ? Math.min(probeMs, ms) : ms)
    })
    try {
      const result = await Promise.race([working, limit])
      isSilent = false
      client?.release()
      return result
    } catch (error) {
      isOver = true
      // A connection that could not be made in time ends before the limit, with an error of the driver's.
      isSilent = error instanceof SilenceError || (!isAnswer(error) && performance.now() - start >= timeoutMs)
      if (isSilent && client) connections.cut(client)
      // Closed: that ends a transaction, whatever state it is in.
      else client?.release(true)
      throw isSilent ? new SilenceError() : error
    } finally {
      clearTimeout(timer)
      if (isProbe) isProbing = false
    }
  }

  return {
    query: (text, values) => use(async (client) => (await client.query(text, values)).rows),
    transact: (work) => inTransaction(use, work),
    isSilent: () => isSilent,
    close: async () => {
      await waitAtMost(isSilent ? 0 : closeMs, pool.end())
      connections.cutAll()
    },
  }
}
