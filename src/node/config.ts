import { byteLength, type FieldName, fieldNames } from '../core/contact.ts'
import { quote, SettingError } from './setting-error.ts'
import type { Settings } from './settings.ts'

export { SettingError } from './setting-error.ts'
export { openSettings, type SettingSources, type Settings } from './settings.ts'

/** A TCP port, 0 for any free one. @throws SettingError */
export const readPort = (settings: Settings, name: string, otherwise: number): number => {
  const value = settings.get(name)
  if (value === undefined) return otherwise
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value)
  throw new SettingError(name, `${quote(value)} is not a port`, `give a number from 0 to 65535, such as ${otherwise}`)
}

/** A host name or address to listen on. @throws SettingError */
export const readHost = (settings: Settings, name: string, otherwise: string): string => {
  const value = settings.get(name) ?? otherwise
  // An address of version 6 is written without its brackets here; they belong to URLs.
  if (/^[\w.:%-]{1,253}$/.test(value)) return value
  throw new SettingError(name, `${quote(value)} is not a host`, `give an address without port, such as ${otherwise}`)
}

/** Field names separated by commas. @throws SettingError */
export const parseFields = (value: string, name: string): FieldName[] => {
  const fields = value.split(',').map((field) => field.trim()) as FieldName[]
  const wrong = fields.find((field) => !fieldNames.includes(field))
  if (wrong === undefined) return fields
  throw new SettingError(name, `${quote(wrong)} is no field`, `give some of ${fieldNames.join(',')}`)
}

export interface TokenKeys {
  /** The first one given. Kept apart: an object lists keys such as `2026` in numeric order, whatever order was given. */
  signing: { keyId: string; secret: string }
  /** All of them by `kid`, for verification. */
  secrets: Record<string, string>
}

const makeOne = 'make one with: openssl rand -base64 32'

/**
 * `secret` alone, whose kid is `default`, or `kid:secret,kid:secret`. So a secret contains no `:`; read strictly, because
 * a secret cut in two would be weak without anybody noticing.
 * @throws SettingError for a form that is neither, a repeated kid, or a secret of less than 32 bytes
 */
export const parseTokenKeys = (value: string, name = 'ORQ_TOKEN_SECRET'): TokenKeys => {
  const pairs: [kid: string, secret: string][] = value.includes(':')
    ? value.split(',').map((part) => {
        const [, kid, secret] = /^\s*([A-Za-z0-9][\w.-]{0,63}):([^:]+?)\s*$/.exec(part) ?? []
        if (kid && secret) return [kid, secret]
        throw new SettingError(
          name,
          'is neither a secret nor kid:secret,kid:secret',
          `no ":" inside a secret; ${makeOne}`,
        )
      })
    : [['default', value]]
  for (const [index, [kid, secret]] of pairs.entries()) {
    if (byteLength(secret) < 32)
      throw new SettingError(name, `the secret ${quote(kid)} is shorter than 32 bytes`, makeOne)
    if (pairs.findIndex(([other]) => other === kid) !== index)
      throw new SettingError(name, `the kid ${quote(kid)} is given twice`, 'name each key differently')
  }
  const [keyId, secret] = pairs[0]!
  return { signing: { keyId, secret }, secrets: Object.fromEntries(pairs) }
}
