import type { JWK } from 'jose'
import * as v from 'valibot'
import { type FieldName, fieldNames, isExternalId } from '../core/contact.ts'
import { OrqError } from '../core/errors.ts'
import { type Clock, systemClock } from '../core/ports.ts'
import { type Hmac, secretKeys, setKeys } from './keys.ts'
import { parseToken } from './token-form.ts'
import type { Verify } from './verify.ts'

/** Which tokens of your own are good, for `jwt`. Give exactly one of `secret` and `keys`. */
export interface JwtOptions {
  /**
   * At least 32 bytes that only your backend and this proxy know (HS256, RFC 7518, section 3.2); several by `kid` while
   * one replaces another. A single one has the `kid` "default". Whoever knows it can write every contact.
   * @defaultValue none
   */
  secret?: string | Readonly<Record<string, string>> | undefined
  /**
   * Computes HS256 in place of WebCrypto, whose trip through the thread pool costs more than the hash itself; on Node
   * `nodeHmac` of `orq-identify/node`. @defaultValue WebCrypto
   */
  hmac?: Hmac | undefined
  /**
   * In place of `secret`: a JWK set of public Ed25519 (EdDSA) and P-256 (ES256) keys, each with its own `kid`.
   * @defaultValue none
   */
  keys?:
    | {
        /** As in RFC 7517, section 5. Private or symmetric keys are refused. */
        keys: readonly JWK[]
      }
    | undefined
  /** What `aud` must contain: a name of its own for each proxy that shares a key. @defaultValue 'orq-identify' */
  audience?: string | undefined
  /** What `iss` must be. @defaultValue none: `iss` is not looked at */
  issuer?: string | undefined
  /** Decides about `exp`, `iat` and `nbf`, with 30 s for clocks that differ. @defaultValue the system's */
  clock?: Pick<Clock, 'now'> | undefined
}

export const tokenType = 'orq-identify+jwt'
export const defaultAudience = 'orq-identify'

/** How far two clocks may be apart. */
export const skewSeconds = 30

const maxTokenLength = 4096
const maxLifeSeconds = 15 * 60

const header = v.strictObject({ alg: v.string(), typ: v.literal(tokenType), kid: v.string() })

/** A NumericDate of RFC 7519, section 2. */
export const seconds: v.GenericSchema<number> = v.pipe(v.number(), v.finite(), v.minValue(0))

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

/**
 * Verifies tokens that your backend has minted: `typ` orq-identify+jwt, at most 15 minutes of life, each key with one
 * algorithm. Checks all that jose leaves to its caller, and the form before any cryptography.
 * @throws OrqError `INVALID_OPTION`
 */
export const jwt = ({
  secret,
  hmac,
  keys: set,
  audience = defaultAudience,
  issuer,
  clock = systemClock,
}: JwtOptions): Verify => {
  if (secret !== undefined && set !== undefined)
    throw new OrqError('INVALID_OPTION', 'secret and keys: give exactly one of them')
  const keys = set === undefined ? secretKeys(secret ?? {}, hmac) : setKeys(set)
  return async (token) => {
    try {
      const { header: head, payload } = parseToken(token, maxTokenLength)
      const { kid, alg } = v.parse(header, head)
      const key = keys.get(kid)
      if (!key || key.alg !== alg) return undefined
      await key.verify(token)
      const { sub, aud, iss, iat, exp, nbf = 0, fields, origin } = v.parse(claims, payload)
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
