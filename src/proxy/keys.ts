import { compactVerify, importJWK, type JWK } from 'jose'
import { OrqError } from '../core/errors.ts'
import { decodeBytes } from './token-form.ts'

/** A key bound to the one algorithm that it may be used with. */
export interface BoundKey {
  alg: string
  /** @throws when the signature of this compact JWS is not the key's */
  verify(token: string): Promise<void> | void
}

/**
 * HMAC with SHA-256 (RFC 2104) under one key.
 * @param secret at least 32 bytes
 * @returns a function from a text to its 32 bytes
 */
export type Hmac = (secret: Uint8Array) => (text: string) => Uint8Array

/** The name of the only key where one secret is given. */
export const defaultKeyId = 'default'

/** The bytes of an HS256 secret. @throws OrqError `INVALID_OPTION` when it is guessable by its length alone */
export const toSecretBytes = (secret: string): Uint8Array => {
  const bytes = new TextEncoder().encode(typeof secret === 'string' ? secret : '')
  if (bytes.length < 32)
    throw new OrqError('INVALID_OPTION', 'secret: at least 32 bytes, for example from `openssl rand -base64 32`')
  return bytes
}

/** Imported once: jose would do it anew for every token. Lazily: making a proxy starts nothing. */
const withJose = (alg: string, load: () => Promise<CryptoKey>): BoundKey => {
  let loaded: Promise<CryptoKey> | undefined
  return {
    alg,
    verify: async (token) => {
      loaded ??= load()
      await compactVerify(token, await loaded, { algorithms: [alg] })
    },
  }
}

/** In the time that both texts take whole, so that it tells nobody how much of a guess was right. */
const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.reduce((difference, byte, at) => difference | (byte ^ (other[at] as number)), one.length ^ other.length) === 0

const withHmac = (digest: (text: string) => Uint8Array): BoundKey => ({
  alg: 'HS256',
  verify: (token) => {
    const end = token.lastIndexOf('.')
    if (!isSame(digest(token.slice(0, end)), decodeBytes(token.slice(end + 1)))) throw new Error('another signature')
  },
})

/**
 * HS256 keys by `kid`.
 * @param hmac in place of WebCrypto's
 * @throws OrqError `INVALID_OPTION`
 */
export const secretKeys = (secret: string | Readonly<Record<string, string>>, hmac?: Hmac): Map<string, BoundKey> => {
  const secrets = Object.entries(typeof secret === 'string' ? { [defaultKeyId]: secret } : (secret ?? {}))
  if (!secrets.length) throw new OrqError('INVALID_OPTION', 'secret: at least one')
  return new Map(
    secrets.map(([kid, text]) => {
      const bytes = toSecretBytes(text)
      const usage = { name: 'HMAC', hash: 'SHA-256' }
      // Declared without its buffer's type, as compilers before 5.7 know none (TypeScript 5.7, "TypedArrays Are Now Generic").
      const raw = bytes as BufferSource
      const load = (): Promise<CryptoKey> => crypto.subtle.importKey('raw', raw, usage, false, ['verify'])
      return [kid, hmac ? withHmac(hmac(bytes)) : withJose('HS256', load)]
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

export const publicKey = (jwk: JWK, alg: string): BoundKey =>
  withJose(alg, async () => (await importJWK(jwk, alg)) as CryptoKey)

/** EdDSA and ES256 keys of a JWK set, by `kid`. @throws OrqError `INVALID_OPTION`, naming the key by its place */
export const setKeys = (set: { keys: readonly JWK[] }): Map<string, BoundKey> => {
  const keys = new Map<string, BoundKey>()
  for (const [at, jwk] of (Array.isArray(set?.keys) ? set.keys : []).entries()) {
    const refuse = (hint: string): never => {
      throw new OrqError('INVALID_OPTION', `keys: key ${at + 1} ${hint}`)
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
