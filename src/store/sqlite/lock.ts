import { existsSync, realpathSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { OrqError } from '../../core/errors.ts'
import { createFile, isBusy, isTemporary } from './open.ts'

export interface FileLock {
  release(): void
}

const refusalOf = (path: string, name: string, error: unknown): OrqError => {
  const message = isBusy(error)
    ? `the store ${path} is used by another proxy; stop that one, or name a file of its own: only on PostgreSQL may several share one`
    : `${name} is no lock of a store; remove it`
  return new OrqError('STORE_UNUSABLE', message, { cause: error })
}

/**
 * Keeps every other proxy from a store: a lock of the operating system on an empty file beside it, held by SQLite, which
 * knows how on each system. It ends with the process, however that ends, so nothing has to be cleaned up, and it holds
 * between containers, where the numbers of processes repeat. The store's own file stays free for whoever looks into it.
 * @param waitMs how long the former may take to end; nothing else runs here meanwhile
 * @throws OrqError `STORE_UNUSABLE` when it does not; SQLite's own error for what may pass, see `isTemporary`
 */
export const lockFile = (path: string, waitMs: number): FileLock => {
  // One store, one lock, whatever link leads to it.
  const name = `${realpathSync(path)}-lock`
  if (!existsSync(name)) createFile(name)
  const database = new DatabaseSync(name, { timeout: waitMs })
  try {
    // Nothing is ever written, so no journal need be found by who comes after a kill.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    throw isTemporary(error) && !isBusy(error) ? error : refusalOf(path, name, error)
  }
  return { release: () => database.close() }
}
