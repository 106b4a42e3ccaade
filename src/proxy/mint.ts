import { importJWK, type JWK, SignJWT } from 'jose'
import { type FieldName, fieldNames, isExternalId } from '../core/contact.ts'
import { OrqError } from '../core/errors.ts'
import { defaultAudience, tokenType } from './jwt.ts'
import { algorithmOf, defaultKeyId, toSecretBytes } from './keys.ts'

/** What a token allows, for `mintToken`. */
export interface TokenGrant {
  /** The `external_id` of the signed-in user, 1 to 120 characters: from your session, never from the request. */
  subject: string
  /** Like '5m', '90s', or seconds as a number; at most 15 minutes. @defaultValue '5m' */
  expiresIn?: string | number | undefined
  /** The only fields that the page may write, at least one. @defaultValue all */
  fields?: readonly FieldName[] | undefined
  /**
   * The only `Origin` that may use the token, like `https://app.example`. A request without that header is refused then.
   * @defaultValue any that the proxy allows
   */
  origin?: string | undefined
  /** What the proxy's `audience` is. @defaultValue 'orq-identify' */
  audience?: string | undefined
  /** Who mints, as `iss`: needed where the proxy's `jwt` names an `issuer`. @defaultValue none */
  issuer?: string | undefined
}

/** Which key signs: a secret (HS256), or a private JWK (Ed25519 or P-256) whose public half the proxy has. */
export type SigningKey =
  | {
      /** At least 32 bytes, the same as the proxy's. */
      secret: string
      /** Its `kid` at the proxy, where that has several. @defaultValue 'default' */
      keyId?: string | undefined
    }
  | {
      /** With its `d`; stays with your backend. */
      jwk: JWK
      /** Its `kid` at the proxy. @defaultValue the `kid` of the JWK */
      keyId?: string | undefined
    }

const toSigner = async (
  key: SigningKey,
): Promise<{ alg: string; kid: string; key: Parameters<SignJWT['sign']>[0] }> => {
  if (!('jwk' in key)) return { alg: 'HS256', kid: key.keyId ?? defaultKeyId, key: toSecretBytes(key.secret) }
  const alg = algorithmOf(key.jwk)
  const kid = key.keyId ?? key.jwk.kid
  if (!key.jwk.d || !kid || (alg !== 'EdDSA' && alg !== 'ES256'))
    throw new OrqError('INVALID_OPTION', 'jwk: a private Ed25519 or P-256 key with a kid')
  return { alg, kid, key: (await importJWK(key.jwk, alg)) as CryptoKey }
}

const toSeconds = (duration: string | number): number => {
  const [, amount, unit] = /^(\d+)([sm]?)$/.exec(String(duration)) ?? []
  return Number(amount) * (unit === 'm' ? 60 : 1)
}

/**
 * A token with which one page may write one contact, to be handed to the signed-in user's own page. Any JWT library in
 * any language can make the same.
 * @throws OrqError `INVALID_OPTION`, naming the setting
 */
export const mintToken = async (grant: TokenGrant, key: SigningKey): Promise<string> => {
  const { subject, expiresIn = '5m', fields, origin, audience = defaultAudience, issuer } = grant
  if (!isExternalId(subject)) throw new OrqError('INVALID_OPTION', 'subject: a string of 1 to 120 characters')
  const life = toSeconds(expiresIn)
  if (!(life >= 1 && life <= 900)) throw new OrqError('INVALID_OPTION', 'expiresIn: from 1s to 15m')
  const unknown = fields?.find((field) => !fieldNames.includes(field))
  if (unknown !== undefined || fields?.length === 0)
    throw new OrqError('INVALID_OPTION', `fields: some of ${fieldNames.join(', ')}`)
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).origin !== origin))
    throw new OrqError('INVALID_OPTION', 'origin: like https://app.example, without a path')
  const { alg, kid, key: signingKey } = await toSigner(key)
  // One reading of the clock: two could be a second apart, and 15 min would be too long.
  const issuedAt = Math.floor(Date.now() / 1000)
  const token = new SignJWT({ ...(fields && { fields }), ...(origin && { origin }) })
    .setProtectedHeader({ alg, typ: tokenType, kid })
    .setSubject(subject)
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + life)
  if (issuer) token.setIssuer(issuer)
  return token.sign(signingKey)
}
