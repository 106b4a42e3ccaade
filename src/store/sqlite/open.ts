import { accessSync, closeSync, constants, copyFileSync, existsSync, openSync, statfsSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { OrqError } from '../../core/errors.ts'
import { isStore, keyOf, migrate } from './schema.ts'

export interface OpenOptions {
  path: string
  /** The most that puts may fill, in bytes; deliveries, which make room, have `spareBytes` more. */
  maxBytes?: number | undefined
  /** False: a file that is missing or is no store is refused and left as it is. @defaultValue true */
  create?: boolean | undefined
  /** What it was keyed with when it was open before: an empty or another file is refused then. */
  reopens?: Uint8Array | undefined
  /** Reads the whole file, however large it is. @defaultValue false */
  checkAll?: boolean | undefined
  /** Called when the file is there, before anything of it is read: may refuse it by a throw. */
  beforeOpening?: (() => void) | undefined
  /** Of a file that is made: what its hashes are keyed with. @defaultValue random */
  key?: Uint8Array | undefined
}

/** A claim writes a row anew before it frees the old one. */
const spareBytes = 512 * 2 ** 10

/** SQLite's primary result codes (https://sqlite.org/rescode.html). */
const codes = { busy: 5, readOnly: 8, io: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 } as const

const codeOf = (error: unknown): number | undefined => {
  const code = (error as { errcode?: unknown } | undefined)?.errcode
  return typeof code === 'number' ? code & 0xff : undefined
}

/** As SQLite says it. */
export const fullError = (): Error => Object.assign(new Error('database or disk is full'), { errcode: codes.full })

export const isBusy = (error: unknown): boolean => codeOf(error) === codes.busy

export const isFull = (error: unknown): boolean => codeOf(error) === codes.full

export const isDamage = (error: unknown): boolean =>
  [codes.corrupt, codes.notADatabase].some((code) => code === codeOf(error))

/** A connection that met one of these may never work again: another one is opened when it is needed next. */
export const isBroken = (error: unknown): boolean =>
  isDamage(error) || [codes.readOnly, codes.io, codes.cannotOpen].some((code) => code === codeOf(error))

/** Whether to go on and try again later: the disk is read-only, full, broken or held, and nothing is wrong with the file. */
export const isTemporary = (error: unknown): boolean =>
  [codes.busy, codes.readOnly, codes.io, codes.full].some((code) => code === codeOf(error))

/** What deliveries and a checkpoint write before they free anything, besides the log that is there. */
const spareDiskBytes = 4 * 2 ** 20

/**
 * Whether the disk has room for more than the deliveries of what is there. They need some before they make any: on a disk
 * that new updates have filled to its end nothing could ever be delivered.
 */
export const hasDiskRoom = (path: string): boolean => {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize > spareDiskBytes + (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0)
  } catch {
    // What cannot be told is found out by writing.
    return true
  }
}

/** SQLite only says that it cannot open a file whose log it cannot make. */
const isReadOnlyDisk = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS'
  }
}

// A larger file takes seconds to read; its pages are looked at when they are used.
const largestCheckedBytes = 64 * 2 ** 20

/**
 * Keeps a copy of what cannot be read, one however often it is tried: the file itself stays, so that every start refuses
 * until somebody decides.
 * @returns where the copy is
 */
const setAside = (path: string, changed: Date): string => {
  const copy = `${path}.damaged-${changed.toISOString().replace(/\W/g, '')}`
  for (const end of ['', '-wal'])
    if (existsSync(path + end) && !existsSync(copy + end)) copyFileSync(path + end, copy + end)
  return copy
}

const unusable = (message: string, cause?: unknown): OrqError => new OrqError('STORE_UNUSABLE', message, { cause })

/** SQLite gives its other two files the mode of the first one. */
export const createFile = (path: string): void => {
  try {
    closeSync(openSync(path, 'a', 0o600))
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException
    throw unusable(`the store ${path} cannot be made (${code}); name a file in a folder that you may write to`)
  }
}

const refuseOther = (path: string, problem: string, cause?: unknown): never => {
  throw unusable(`${path} ${problem}; name the file of your proxy`, cause)
}

const prepare = (database: DatabaseSync, options: OpenOptions): void => {
  const { path, maxBytes, key, create = true, reopens, checkAll = false } = options
  if (reopens && !(isStore(database) && keyOf(database).equals(reopens)))
    throw unusable(`${path} is another file than the one that was open; put that one back, or start again`)
  if (!create && !isStore(database)) refuseOther(path, 'is no store')
  // In this order: a page of a deleted value is overwritten (`secure_delete`), and what is committed is on the disk
  // (`synchronous`; `fullfsync` on macOS, whose plain fsync stops at the drive's cache).
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA secure_delete = ON',
  )
  database.exec(`PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = ${16 * 2 ** 20}`)
  if (maxBytes !== undefined) {
    const { page_size } = database.prepare('PRAGMA page_size').get() as { page_size: number }
    database.exec(`PRAGMA max_page_count = ${Math.ceil((maxBytes + spareBytes) / page_size)}`)
  }
  if (checkAll || statSync(path).size <= largestCheckedBytes) {
    const { quick_check } = database.prepare('PRAGMA quick_check(1)').get() as { quick_check: string }
    if (quick_check !== 'ok') throw Object.assign(new Error('quick_check failed'), { errcode: codes.corrupt })
  }
  migrate(database, path, { key })
}

/**
 * Opens or makes the file, readable by its owner only.
 * @throws OrqError `STORE_UNUSABLE` for what a person must fix; SQLite's own error for what may pass, see `isTemporary`
 */
export const openDatabase = (options: OpenOptions): DatabaseSync => {
  const { path, create = true, reopens } = options
  if (!existsSync(path) && reopens)
    throw unusable(`${path} is gone; put it back, or start again without what waits in it`)
  if (!existsSync(path)) create ? createFile(path) : refuseOther(path, 'does not exist')
  options.beforeOpening?.()
  const { mtime } = statSync(path)
  let database: DatabaseSync | undefined
  try {
    // A short wait for another process: it holds up every request of this one.
    database = new DatabaseSync(path, { timeout: 25 })
    prepare(database, options)
    return database
  } catch (error) {
    // Before it is closed, which writes what the log holds.
    const copy = isDamage(error) && create ? setAside(path, mtime) : undefined
    database?.close()
    if (isDamage(error) && !create) refuseOther(path, 'is damaged or no store', error)
    if (copy)
      throw unusable(
        `the store ${path} is damaged; a copy of it is ${copy}. Put a backup in its place, or move it away to begin anew without the updates in it`,
        error,
      )
    if (codeOf(error) === codes.cannotOpen && isReadOnlyDisk(path))
      throw Object.assign(new Error('attempt to write a readonly database'), { errcode: codes.readOnly })
    if (codeOf(error) === codes.cannotOpen)
      throw unusable(`the store ${path} cannot be opened; name a file that you may read and write`, error)
    throw error
  }
}
