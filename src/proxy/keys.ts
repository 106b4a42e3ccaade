import { importJWK, type JWK } from 'jose'
import { OrqError } from '../core/errors.ts'

/** A key bound to the one algorithm that it may be used with. */
export interface BoundKey {
  alg: string
  /** Imported once: jose would do it anew for every token. Lazily: making a proxy starts nothing. */
  get(): Promise<CryptoKey>
}

/** The name of the only key where one secret is given. */
export const defaultKeyId = 'default'

/** The bytes of an HS256 secret. @throws OrqError `INVALID_OPTION` when it is guessable by its length alone */
export const toSecretBytes = (secret: string): Uint8Array<ArrayBuffer> => {
  const bytes = new TextEncoder().encode(typeof secret === 'string' ? secret : '')
  if (bytes.length < 32)
    throw new OrqError('INVALID_OPTION', 'secret: at least 32 bytes, for example from `openssl rand -base64 32`')
  return bytes
}

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** HS256 keys by `kid`. @throws OrqError `INVALID_OPTION` */
export const secretKeys = (secret: string | Readonly<Record<string, string>>): Map<string, BoundKey> => {
  const secrets = Object.entries(typeof secret === 'string' ? { [defaultKeyId]: secret } : (secret ?? {}))
  if (!secrets.length) throw new OrqError('INVALID_OPTION', 'secret: at least one')
  return new Map(
    secrets.map(([kid, text]) => {
      const bytes = toSecretBytes(text)
      const usage = { name: 'HMAC', hash: 'SHA-256' }
      return [kid, { alg: 'HS256', get: once(() => crypto.subtle.importKey('raw', bytes, usage, false, ['verify'])) }]
    }),
  )
}

/** The algorithm that a public key's own type and `alg` allow; undefined for one that we do not verify with. */
export const algorithmOf = ({ kty, crv, alg }: JWK): string | undefined => {
  const possible = {
    'OKP Ed25519': ['EdDSA'],
    'EC P-256': ['ES256'],
    RSA: ['RS256', 'PS256'],
  }[[kty, crv].filter(Boolean).join(' ')]
  return alg === undefined ? possible?.[0] : possible?.find((one) => one === alg)
}

export const publicKey = (jwk: JWK, alg: string): BoundKey => ({
  alg,
  get: once(async () => (await importJWK(jwk, alg)) as CryptoKey),
})

/** EdDSA and ES256 keys of a JWK set, by `kid`. @throws OrqError `INVALID_OPTION`, naming the key by its place */
export const setKeys = (set: { keys: readonly JWK[] }): Map<string, BoundKey> => {
  const keys = new Map<string, BoundKey>()
  for (const [at, jwk] of (Array.isArray(set?.keys) ? set.keys : []).entries()) {
    const refuse = (mend: string): never => {
      throw new OrqError('INVALID_OPTION', `keys: key ${at + 1} ${mend}`)
    }
    const alg = algorithmOf(jwk)
    if (jwk.d !== undefined) return refuse('is private; give its public half')
    if (alg !== 'EdDSA' && alg !== 'ES256') return refuse('is none of Ed25519 (EdDSA) and P-256 (ES256)')
    if (!jwk.kid || keys.has(jwk.kid)) return refuse('needs a kid of its own')
    keys.set(jwk.kid, publicKey(jwk, alg))
  }
  if (!keys.size) throw new OrqError('INVALID_OPTION', 'keys: a JWK set, { "keys": [ … ] }, with at least one key')
  return keys
}
