import { readFileSync } from 'node:fs'
import type { FieldName } from '../core/contact.ts'
import { OrqError } from '../core/errors.ts'
import { type JwksOptions, jwks } from '../proxy/jwks.ts'
import { type JwtOptions, jwt } from '../proxy/jwt.ts'
import type { Verify } from '../proxy/verify.ts'
import { parseFields, parseTokenKeys } from './config.ts'
import { nodeHmac } from './hmac.ts'
import { quote, SettingError } from './setting-error.ts'
import { missing, type Settings } from './settings.ts'

const sources = ['ORQ_TOKEN_SECRET', 'ORQ_TOKEN_KEYS', 'ORQ_JWKS_URL'] as const

const readKeyFile = (path: string): NonNullable<JwtOptions['keys']> => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const problem = error instanceof SyntaxError ? 'is no JSON' : 'cannot be read'
    throw new SettingError(
      'ORQ_TOKEN_KEYS',
      `${quote(path)} ${problem}`,
      'name a file that holds a JWK set, { "keys": [ … ] }',
    )
  }
}

/** What the library refuses, under the name of the setting that it came from. */
const named = <T>(name: string, make: () => T): T => {
  try {
    return make()
  } catch (error) {
    if (error instanceof OrqError && !(error instanceof SettingError))
      throw new SettingError(name, 'is not usable', error.message)
    throw error
  }
}

/** Who a token was made for: by `aud`, or by `azp` where the provider gives no audience. One of them, never a guess. */
const readParty = (settings: Settings): Pick<JwksOptions, 'audience' | 'authorizedParties'> => {
  const audience = settings.get('ORQ_TOKEN_AUDIENCE')
  const list = settings.get('ORQ_TOKEN_AUTHORIZED_PARTIES')
  if (audience !== undefined && list !== undefined)
    throw new SettingError(
      'ORQ_TOKEN_AUTHORIZED_PARTIES',
      'is given beside ORQ_TOKEN_AUDIENCE',
      'give exactly one of them: the audience, unless your identity provider’s tokens have none',
    )
  if (list === undefined) {
    if (audience !== undefined) return { audience }
    throw missing(
      settings,
      'ORQ_TOKEN_AUDIENCE',
      'give what `aud` of your identity provider’s tokens is, or what `azp` may be in ORQ_TOKEN_AUTHORIZED_PARTIES',
    )
  }
  const authorizedParties = list.split(',').map((party) => party.trim())
  if (authorizedParties.every((party) => party !== '')) return { authorizedParties }
  throw new SettingError(
    'ORQ_TOKEN_AUTHORIZED_PARTIES',
    `${quote(list)} has an empty part`,
    'give what `azp` may be, separated by commas',
  )
}

const readJwks = (settings: Settings, url: string): Verify => {
  const { username, password } = URL.canParse(url) ? new URL(url) : {}
  if (username || password)
    throw new SettingError('ORQ_JWKS_URL', 'holds credentials', 'give an https URL without them')
  const issuer = settings.get('ORQ_TOKEN_ISSUER')
  if (issuer === undefined)
    throw missing(settings, 'ORQ_TOKEN_ISSUER', 'give what `iss` of your identity provider’s tokens is')
  const party = readParty(settings)
  const subjectClaim = settings.get('ORQ_TOKEN_SUBJECT_CLAIM')
  const fields = settings.get('ORQ_TOKEN_FIELDS')
  const only: readonly FieldName[] | undefined =
    fields === undefined ? undefined : parseFields(fields, 'ORQ_TOKEN_FIELDS')
  return named('ORQ_JWKS_URL', () => jwks({ url, issuer, ...party, subjectClaim, fields: only }))
}

/**
 * Who may write, by exactly one of ORQ_TOKEN_SECRET, ORQ_TOKEN_KEYS and ORQ_JWKS_URL: with two, nobody could say whose
 * tokens count.
 * @throws SettingError
 */
export const readVerify = (settings: Settings): Verify => {
  const [first, second] = sources.filter((name) => settings.get(name) !== undefined)
  if (first === undefined)
    throw missing(
      settings,
      'ORQ_TOKEN_SECRET',
      'give the secret that your backend signs tokens with; make one with: openssl rand -base64 32',
    )
  if (second !== undefined) throw new SettingError(second, `is given beside ${first}`, 'give exactly one of them')
  const value = settings.get(first) as string
  if (first === 'ORQ_JWKS_URL') return readJwks(settings, value)
  for (const name of ['ORQ_TOKEN_AUTHORIZED_PARTIES', 'ORQ_TOKEN_SUBJECT_CLAIM', 'ORQ_TOKEN_FIELDS'])
    if (settings.get(name) !== undefined)
      throw new SettingError(
        name,
        `says nothing beside ${first}`,
        'leave it out: your own tokens have aud, sub and fields',
      )
  const keys: JwtOptions =
    first === 'ORQ_TOKEN_KEYS' ? { keys: readKeyFile(value) } : { secret: parseTokenKeys(value).secrets }
  const audience = settings.get('ORQ_TOKEN_AUDIENCE')
  const issuer = settings.get('ORQ_TOKEN_ISSUER')
  return named(first, () => jwt({ ...keys, hmac: nodeHmac, audience, issuer }))
}
