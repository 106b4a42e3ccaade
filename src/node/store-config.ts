import { resolve } from 'node:path'
import { quote, SettingError } from './setting-error.ts'
import { readCount, type Settings } from './settings.ts'

/** Where accepted updates wait: a SQLite file by its absolute path, or a PostgreSQL by its URL. */
export type StoreConfig =
  | { kind: 'sqlite'; path: string }
  | { kind: 'postgres'; url: string; schema: string; poolSize: number; timeoutMs: number }

const isDatabase = (value: string): boolean => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  const isNamed = !!url && /^\/[^/]+$/.test(url.pathname)
  // Without a host there is a socket's folder in its place.
  return isNamed && (url.hostname !== '' || url.searchParams.has('host'))
}

const readSchema = (settings: Settings): string => {
  const value = settings.get('ORQ_STORE_SCHEMA') ?? 'orq'
  if (/^[a-z_][a-z0-9_]{0,40}$/.test(value) && !value.startsWith('pg_')) return value
  throw new SettingError(
    'ORQ_STORE_SCHEMA',
    `${quote(value)} is no name for a schema`,
    'give small letters, digits and underscores, such as orq',
  )
}

/** Reads the settings of the store. Touches nothing. @throws SettingError */
export const readStoreConfig = (settings: Settings): StoreConfig => {
  const value = settings.get('ORQ_STORE') ?? 'sqlite:orq.db'
  const [, path] = /^sqlite:(?!:)(.+)$/.exec(value) ?? []
  if (path) return { kind: 'sqlite', path: resolve(path) }
  // Never the value: it may hold a password.
  if (!/^postgres(ql)?:/.test(value))
    throw new SettingError(
      'ORQ_STORE',
      'is no store that this version knows',
      'give sqlite: and a file, such as sqlite:orq.db, or postgres://USER:PASSWORD@HOST/DATABASE',
    )
  if (!isDatabase(value))
    throw new SettingError(
      'ORQ_STORE',
      'is no URL of a PostgreSQL database',
      'give postgres://USER:PASSWORD@HOST/DATABASE, with %XX for what is special in a password',
    )
  return {
    kind: 'postgres',
    url: value,
    schema: readSchema(settings),
    poolSize: readCount(settings, 'ORQ_STORE_POOL', { otherwise: 4, least: 2, most: 100 }),
    timeoutMs: readCount(settings, 'ORQ_STORE_TIMEOUT_MS', { otherwise: 5_000, least: 100, most: 60_000 }),
  }
}
