import { randomBytes } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { quote, SettingError } from './setting-error.ts'

/** What the person can do about a file operation that failed, by its error code. */
const problemOf = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EACCES' || code === 'EPERM') return 'is not writable for this user'
  if (code === 'EROFS') return 'is on a read-only file system'
  if (code === 'ENOSPC') return 'is on a full disk'
  if (code === 'EEXIST' || code === 'ENOTDIR') return 'is a file, not a folder'
  return `cannot be used (${code ?? 'unknown error'})`
}

/**
 * Makes the folder, readable by its owner only, unless it exists; the mode of an existing one is its owner's business.
 * @returns its absolute path
 * @throws SettingError when it cannot be made or written to
 */
export const openDataFolder = (path: string, name = 'ORQ_DATA_DIR'): string => {
  const folder = resolve(path)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (!statSync(folder).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' })
    accessSync(folder, constants.W_OK | constants.X_OK)
    return folder
  } catch (error) {
    throw new SettingError(name, `${quote(path)} ${problemOf(error)}`, 'name a folder that you may write to')
  }
}

/**
 * A secret that is made at random once and kept in the folder, readable by its owner only.
 * @throws SettingError when the file cannot be written or read
 */
export const keepSecret = (folder: string, file: string, name = 'ORQ_DATA_DIR'): string => {
  const path = join(folder, file)
  try {
    if (!existsSync(path)) {
      // Written aside and renamed: a crash half-way leaves no secret that is cut short.
      const draft = join(folder, `.${file}.${randomBytes(6).toString('hex')}`)
      writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
      renameSync(draft, path)
    }
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw new SettingError(name, `${quote(path)} ${problemOf(error)}`, 'name a folder that you may write to')
  }
}
