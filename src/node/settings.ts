import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { quote, SettingError } from './setting-error.ts'

/** Where settings come from. A flag wins over the environment, the environment over the file of `--env-file`. */
export interface SettingSources {
  /** Flags by their own name, `data-dir` for `ORQ_DATA_DIR`. */
  flags: Record<string, unknown>
  environment: Record<string, string | undefined>
}

export interface Settings {
  /**
   * The value of a setting by its environment name. An empty one counts as not given, in the environment and in the
   * file: `PORT=${PORT:-}` in a compose file means the default, not port 0.
   */
  get(name: string): string | undefined
  /** The file of `--env-file`, as it was named. */
  envFile: string | undefined
}

/** `ORQ_DATA_DIR` is `--data-dir`, `PORT` is `--port`. */
export const flagOf = (name: string): string => name.replace(/^ORQ_/, '').toLowerCase().replaceAll('_', '-')

// Node 24 reads `--env-file` itself, wherever it stands on the command line, so there a missing file ends the process
// before this code runs (`node: FILE: not found`, status 9). What it reads, it ranks as we do.
const readEnvFile = (path: string): Record<string, string | undefined> => {
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch {
    throw new SettingError('--env-file', `cannot read ${quote(path)}`, 'give the path of a file of NAME=value lines')
  }
}

/** @throws SettingError when the file of `--env-file` cannot be read, or a flag has no value */
export const openSettings = ({ flags, environment }: SettingSources): Settings => {
  const flag = (name: string): string | undefined => {
    const value = flags[name]
    if (value === undefined) return undefined
    // Somebody who types a flag means it: an empty one is a mistake, such as `--port $PORT` without a PORT.
    if (typeof value !== 'string' || value === '')
      throw new SettingError(`--${name}`, 'has no value', `give one, --${name} VALUE, or leave the flag out`)
    return value
  }
  const path = flag('env-file')
  const file = path === undefined ? {} : readEnvFile(path)
  return { get: (name) => flag(flagOf(name)) || environment[name] || file[name] || undefined, envFile: path }
}

/**
 * A `.env` that nobody named is not read: its PORT and HOST are mostly those of the app beside it, and in a folder that
 * somebody else wrote it could name the server that the key of the environment is sent to. So it is named here.
 */
export const missing = ({ envFile }: Settings, name: string, hint: string): SettingError => {
  const isUnread = envFile === undefined && existsSync('.env')
  return new SettingError(
    name,
    'is missing',
    isUnread ? `${hint}, or read the .env of this folder: --env-file .env` : hint,
  )
}

/** A whole number in a range. @throws SettingError */
export const readCount = (
  settings: Settings,
  name: string,
  range: { otherwise: number; least: number; most: number },
): number => {
  const { otherwise, least, most } = range
  const value = settings.get(name)
  if (value === undefined) return otherwise
  if (/^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value)
  throw new SettingError(name, `${quote(value)} is no number from ${least} to ${most}`, `such as ${otherwise}`)
}
