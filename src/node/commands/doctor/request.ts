import { quote, SettingError } from '../../setting-error.ts'
import { openSettings, type SettingSources } from '../../settings.ts'

/** What was asked for, as the person gave it. */
export interface Request {
  /** Folder of the proxy, with a slash at the end. */
  folder: URL
  pageOrigin: string
  tokenUrl: URL | undefined
  policy: string | undefined
  token: string | undefined
  cookie: string | undefined
  mayWrite: boolean
}

const readUrl = (value: string, name: string, base?: string): URL => {
  const url = URL.parse(value, base)
  // Not quoted: it holds a password.
  if (url?.username || url?.password)
    throw new SettingError(name, 'has a user name or password in it', 'leave them out: browsers refuse such addresses')
  if (url && /^https?:$/.test(url.protocol)) return url
  throw new SettingError(name, `${quote(value)} is no URL`, 'give one such as https://app.example/orq')
}

/** A site alone means the default folder in it, with or without the slash that address bars add. */
const readFolder = (value: string): URL => {
  const { pathname, origin } = readUrl(value, 'URL')
  const path = pathname.replace(/\/+$/, '') || '/orq'
  return new URL(`${path}/`, origin)
}

const readOrigin = (value: string): string => {
  const { origin } = readUrl(value, '--origin')
  if (origin === value.replace(/\/$/, '')) return origin
  throw new SettingError('--origin', `${quote(value)} is no origin`, `give scheme and host alone: ${origin}`)
}

/** As it is sent, or copied with the name of its header. */
const readPolicy = (value: string): string => {
  const policy = value.replace(/^\s*content-security-policy\s*:/i, '')
  const names = policy.split(/[;,]/).map((part) => part.trim().split(/\s+/)[0] as string)
  const wrong = names.find((name) => !/^[a-z-]*$/i.test(name))
  if (wrong === undefined) return policy
  throw new SettingError('--csp', `${quote(wrong)} is no directive`, `give a policy such as "script-src 'self'"`)
}

/** What a header can carry. The value is not quoted: it is a secret. */
const readSecret = (value: string | undefined, name: string, form: RegExp): string | undefined => {
  if (value === undefined || form.test(value)) return value
  throw new SettingError(name, 'has characters that no header can carry', 'give it in one line, as a browser sends it')
}

/** @throws SettingError */
export const readRequest = (sources: SettingSources): Request => {
  const { flags } = sources
  const settings = openSettings(sources)
  const text = (name: string): string | undefined => {
    const value = flags[name]
    if (value === '') throw new SettingError(`--${name}`, 'has no value', 'give one, or leave the flag out')
    return typeof value === 'string' ? value : undefined
  }
  const folder = readFolder(String(flags['url']))
  const origin = text('origin')
  const pageOrigin = origin === undefined ? folder.origin : readOrigin(origin)
  const tokenUrl = text('token-url')
  const policy = text('csp')
  const token = readSecret(settings.get('ORQ_TOKEN'), 'ORQ_TOKEN', /^[\x21-\x7e]+$/)
  const mayWrite = flags['write'] === true
  if (mayWrite && token === undefined && tokenUrl === undefined)
    throw new SettingError(
      '--write',
      'needs a token',
      'give one by --token, or the route that gives one by --token-url',
    )
  return {
    folder,
    pageOrigin,
    tokenUrl: tokenUrl === undefined ? undefined : readUrl(tokenUrl, '--token-url', pageOrigin),
    policy: policy === undefined ? undefined : readPolicy(policy),
    token,
    cookie: readSecret(settings.get('ORQ_COOKIE'), 'ORQ_COOKIE', /^[\x20-\x7e\x80-\xff]+$/),
    mayWrite,
  }
}
