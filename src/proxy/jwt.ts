import { compactVerify } from 'jose'
import * as v from 'valibot'
import { type FieldName, fieldNames, isExternalId } from '../core/contact.ts'
import { OrqError } from '../core/errors.ts'
import { type Clock, systemClock } from '../core/ports.ts'
import type { Verify } from './verify.ts'

export interface JwtOptions {
  /**
   * At least 32 bytes that only your backend and this proxy know; several by `kid` while one replaces another. A single
   * one has the `kid` "default".
   */
  secret: string | Readonly<Record<string, string>>
  /** @defaultValue 'orq-identify' */
  audience?: string | undefined
  /** When given, `iss` must be this. */
  issuer?: string | undefined
  clock?: Pick<Clock, 'now'> | undefined
}

export const tokenType = 'orq-identify+jwt'
export const defaultAudience = 'orq-identify'
export const defaultKeyId = 'default'

const maxTokenLength = 4096
const maxLifeSeconds = 15 * 60
const skewSeconds = 30

/** The key of an HS256 secret. @throws OrqError `INVALID_OPTION` when it is guessable by its length alone */
export const toKey = (secret: string): Uint8Array<ArrayBuffer> => {
  const key = new TextEncoder().encode(typeof secret === 'string' ? secret : '')
  if (key.length < 32)
    throw new OrqError('INVALID_OPTION', 'secret: at least 32 bytes, for example from `openssl rand -base64 32`')
  return key
}

const header = v.strictObject({ alg: v.literal('HS256'), typ: v.literal(tokenType), kid: v.string() })

const seconds = v.pipe(v.number(), v.finite(), v.minValue(0))

const claims = v.object({
  sub: v.custom<string>(isExternalId),
  aud: v.union([v.string(), v.array(v.string())]),
  iss: v.optional(v.string()),
  iat: seconds,
  exp: seconds,
  nbf: v.optional(seconds),
  // An empty list forbids every field.
  fields: v.optional(v.array(v.picklist(fieldNames as FieldName[]))),
  origin: v.optional(v.string()),
})

// jose accepts padding, white space and a last character with stray bits: two texts for one token.
const isCanonical = (part: string): boolean => {
  if (!/^[A-Za-z0-9_-]+$/.test(part) || part.length % 4 === 1) return false
  const strayBits = { 0: 0, 2: 15, 3: 3 }[part.length % 4] as number
  return (
    ('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(part.at(-1) as string) & strayBits) ===
    0
  )
}

const decodePart = (part: string): unknown => {
  const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), (byte) => byte.charCodeAt(0))
  return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
}

/** jose would import the bytes anew for every token. Lazily: importing a module or making a proxy starts nothing. */
const importOnce = (bytes: Uint8Array<ArrayBuffer>): (() => Promise<CryptoKey>) => {
  let key: Promise<CryptoKey> | undefined
  return () => {
    key ??= crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
    return key
  }
}

/**
 * Verifies tokens that your backend has minted: HS256, `typ` orq-identify+jwt, at most 15 minutes of life. Checks all
 * that jose leaves to its caller, and the form before any cryptography.
 * @throws OrqError `INVALID_OPTION`
 */
export const jwt = ({ secret, audience = defaultAudience, issuer, clock = systemClock }: JwtOptions): Verify => {
  const secrets = typeof secret === 'string' ? { [defaultKeyId]: secret } : (secret ?? {})
  const keys = new Map(Object.entries(secrets).map(([kid, text]) => [kid, importOnce(toKey(text))]))
  if (!keys.size) throw new OrqError('INVALID_OPTION', 'secret: at least one')
  return async (token) => {
    if (token.length > maxTokenLength) return undefined
    const parts = token.split('.')
    if (parts.length !== 3 || !parts.every(isCanonical)) return undefined
    try {
      const key = await keys.get(v.parse(header, decodePart(parts[0] as string)).kid)?.()
      if (!key) return undefined
      await compactVerify(token, key, { algorithms: ['HS256'] })
      const { sub, aud, iss, iat, exp, nbf = 0, fields, origin } = v.parse(claims, decodePart(parts[1] as string))
      const now = clock.now() / 1000
      if (![aud].flat().includes(audience) || (issuer !== undefined && iss !== issuer)) return undefined
      if (exp - iat > maxLifeSeconds || exp < iat || iat > now + skewSeconds || nbf > now + skewSeconds)
        return undefined
      return exp < now - skewSeconds ? 'expired' : { subject: sub, issuedAt: iat, fields, origin }
    } catch {
      // A bad token in whatever way: the caller learns no more than that.
      return undefined
    }
  }
}
