import { parseSafeUrl } from '../core/safe-url.ts'
import type { Verify } from '../proxy/verify.ts'
import { readHost, readPort } from './config.ts'
import { quote, SettingError } from './setting-error.ts'
import { missing, readCount, type Settings } from './settings.ts'
import { readStoreConfig, type StoreConfig } from './store-config.ts'
import { readVerify } from './token-config.ts'

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export interface ProxyConfig {
  host: string
  port: number
  adminHost: string
  adminPort: number
  apiKey: string
  serverUrl: string
  upstreamPath: string
  verify: Verify
  allowedOrigins: string[]
  store: StoreConfig
  basePath: string
  subjectLimit: number
  addressLimit: number
  concurrency: number
  trustedProxies: number
  logLevel: LogLevel
}

const required = (settings: Settings, name: string, hint: string): string => {
  const value = settings.get(name)
  if (value === undefined) throw missing(settings, name, hint)
  return value
}

const readApiKey = (settings: Settings): string => {
  const hint = 'give an API key of your Orq workspace'
  const value = required(settings, 'ORQ_API_KEY', hint)
  // Never the value: a key with a line end in it is still a key.
  if (/[^\x21-\x7e]/.test(value)) throw new SettingError('ORQ_API_KEY', 'holds a space or a control character', hint)
  return value
}

const readServerUrl = (settings: Settings): string => {
  const value = settings.get('ORQ_SERVER_URL') ?? 'https://api.orq.ai'
  const url = parseSafeUrl(value)
  if (url && !url.username && !url.password && !url.search && !url.hash) return value
  throw new SettingError(
    'ORQ_SERVER_URL',
    // It may hold a password.
    URL.canParse(value) ? 'is not an address that the API key may be sent to' : `${quote(value)} is no URL`,
    'give an https URL without credentials or query; http only on a loopback address',
  )
}

const readPath = (settings: Settings, name: string, otherwise: string): string => {
  const value = settings.get(name) ?? otherwise
  if (/^(\/[\w.~-]+)+$/.test(value)) return value
  throw new SettingError(name, `${quote(value)} is no path`, `give one like ${otherwise}, without a slash at its end`)
}

const readOrigins = (settings: Settings): string[] => {
  const origins = (settings.get('ORQ_ALLOWED_ORIGINS') ?? '').split(',').map((part) => part.trim())
  const given = origins.filter((origin) => origin !== '')
  const wrong = given.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin)
  if (wrong === undefined) return given
  throw new SettingError(
    'ORQ_ALLOWED_ORIGINS',
    `${quote(wrong)} is no origin`,
    'give scheme and host, such as https://app.example, separated by commas',
  )
}

const readLogLevel = (settings: Settings): LogLevel => {
  const value = settings.get('ORQ_LOG_LEVEL') ?? 'info'
  const level = logLevels.find((one) => one === value)
  if (level) return level
  throw new SettingError('ORQ_LOG_LEVEL', `${quote(value)} is no level`, `give one of ${logLevels.join(', ')}`)
}

/** Reads the settings of `proxy`, of which `proxySettings` is the list. Changes nothing. @throws SettingError */
export const readProxyConfig = (settings: Settings): ProxyConfig => {
  return {
    host: readHost(settings, 'HOST', '0.0.0.0'),
    port: readPort(settings, 'PORT', 8787),
    adminHost: readHost(settings, 'ORQ_ADMIN_HOST', '127.0.0.1'),
    adminPort: readPort(settings, 'ORQ_ADMIN_PORT', 8788),
    apiKey: readApiKey(settings),
    serverUrl: readServerUrl(settings),
    upstreamPath: readPath(settings, 'ORQ_UPSTREAM_PATH', '/v2/contacts'),
    verify: readVerify(settings),
    allowedOrigins: readOrigins(settings),
    store: readStoreConfig(settings),
    basePath: readPath(settings, 'ORQ_BASE_PATH', '/orq'),
    subjectLimit: readCount(settings, 'ORQ_SUBJECT_LIMIT', { otherwise: 60, least: 0, most: 1e6 }),
    addressLimit: readCount(settings, 'ORQ_ADDRESS_LIMIT', { otherwise: 60, least: 0, most: 1e6 }),
    concurrency: readCount(settings, 'ORQ_UPSTREAM_CONCURRENCY', { otherwise: 64, least: 1, most: 1_000 }),
    trustedProxies: readCount(settings, 'ORQ_TRUSTED_PROXIES', { otherwise: 0, least: 0, most: 10 }),
    logLevel: readLogLevel(settings),
  }
}
