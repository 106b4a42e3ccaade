import type { PoolClient } from 'pg'

/** Two processes made the same row, or waited for each other: nothing is written, and the next try finds what there is. */
const conflicts = ['23505', '40001', '40P01']
const mostTries = 4

export const isConflict = (error: unknown): boolean => conflicts.includes((error as { code?: string }).code ?? '')

/** Waits for the last statement and commits, both in one round trip; but for `steps`, which is more than one statement. */
export type CommitWith = (statement: Promise<unknown>, steps?: Promise<unknown>) => Promise<void>

/**
 * Runs `work` in a transaction of its own, a few times again where it came into conflict with another. `work` ends with
 * `commitWith`; without it nothing is kept.
 * @param use lends a connection, which is closed when what it is used for rejects: that ends the transaction, whatever state
 * it is in
 */
export const inTransaction = async <T>(
  use: <R>(task: (client: PoolClient) => Promise<R>) => Promise<R>,
  work: (client: PoolClient, commitWith: CommitWith) => Promise<T>,
): Promise<T> => {
  for (let tries = 1; ; tries++) {
    try {
      return await use(async (client) => {
        let isOver = false
        // Not waited for: the first statement of `work` follows on its heels.
        const begun = client.query('BEGIN')
        begun.catch(() => {})
        const result = await work(client, async (statement, steps) => {
          isOver = true
          if (steps) await Promise.all([begun, statement, steps])
          // After a statement that failed this is a rollback, and that statement rejects.
          await Promise.all([begun, statement, client.query('COMMIT')])
        })
        if (!isOver) await client.query('ROLLBACK')
        return result
      })
    } catch (error) {
      if (tries === mostTries || !isConflict(error)) throw error
    }
  }
}
