import type { JWK } from 'jose'
import * as v from 'valibot'
import { type FieldName, isExternalId } from '../core/contact.ts'
import { OrqError } from '../core/errors.ts'
import { type Clock, type Fetch, systemClock } from '../core/ports.ts'
import { parseSafeUrl } from '../core/safe-url.ts'
import { readText } from '../upstream/request.ts'
import { Refusal } from './answer.ts'
import { seconds, skewSeconds } from './jwt.ts'
import { algorithmOf, type BoundKey, publicKey } from './keys.ts'
import { parseToken } from './token-form.ts'
import type { Verify } from './verify.ts'

/** Whose tokens are good, for `jwks`. Claims are those of RFC 7519, section 4.1; `azp` is OpenID Connect's. */
export interface JwksOptions {
  /**
   * The identity provider's JWK set (RFC 7517), https, or http on a loopback address; at most 64 kB. Asked for at the
   * first token, every 10 minutes while tokens come, and for an unknown `kid` at most once in 30 s, or 3 s while it fails.
   */
  url: string | URL
  /** What `iss` must be, to the letter: a slash at its end counts. */
  issuer: string
  /** One of `audience` and `authorizedParties`: what `aud` must contain. @defaultValue none: `aud` is not looked at */
  audience?: string | undefined
  /**
   * What `azp` must be one of, for providers whose tokens have no audience. @defaultValue none: `azp` is not looked at
   */
  authorizedParties?: readonly string[] | undefined
  /** The claim that is the `external_id`. Only one that the user cannot edit. @defaultValue 'sub' */
  subjectClaim?: string | undefined
  /** The only fields that pages may write. @defaultValue all; a `fields` claim of the token is not looked at */
  fields?: readonly FieldName[] | undefined
  /** Gets the JWK set: give one where that is behind a proxy or an authority of your own. @defaultValue the global `fetch` */
  fetch?: Fetch | undefined
  /** Decides about `exp`, `iat` and `nbf`, and when the set is asked for anew. @defaultValue the system's */
  clock?: Pick<Clock, 'now' | 'monotonic'> | undefined
}

const maxTokenLength = 8192
const maxAgeSeconds = 86_400
const fetchTimeoutMs = 5_000
/** An unknown `kid` costs at most one fetch in this time: anybody can send one. */
const minIntervalMs = 30_000
/** As long as the provider fails. */
const retryMs = 3_000
/** How soon a key that the provider has withdrawn is gone here. */
const refreshMs = 600_000

// RFC 7515, section 4.1.11: `crit` names what must be understood, and we understand nothing of the kind.
const header = v.object({ alg: v.string(), kid: v.string(), crit: v.optional(v.never()) })
const claims = v.looseObject({
  iss: v.string(),
  aud: v.optional(v.union([v.string(), v.array(v.string())])),
  azp: v.optional(v.string()),
  iat: seconds,
  exp: seconds,
  nbf: v.optional(seconds),
})

const parseUrl = (given: string | URL): string => {
  const url = parseSafeUrl(given)
  if (url) return url.href
  throw new OrqError('INVALID_OPTION', 'url: an https URL; http only on a loopback address')
}

/** The usable keys of a set: signature keys by `kid`; symmetric ones are no keys for us. */
const readSet = async (response: Response): Promise<Map<string, BoundKey>> => {
  if (!response.ok) throw new Error('no JWK set')
  // At most 64 kB: of a longer one the end is missing.
  const text = await readText(response)
  const keys = new Map<string, BoundKey>()
  for (const jwk of (JSON.parse(text) as { keys: JWK[] }).keys) {
    const alg = algorithmOf(jwk)
    if (alg && jwk.kid && (jwk.use ?? 'sig') === 'sig') keys.set(jwk.kid, publicKey(jwk, alg))
  }
  return keys
}

/**
 * Identity-provider mode, for apps that mint nothing: verifies the provider's own tokens, RS256, PS256, ES256 or EdDSA as
 * the key itself says, at most 24 hours old. Known keys go on while the provider is down.
 * Where they cannot be read at all, the answer is 503: the page keeps its update and its token.
 * @throws OrqError `INVALID_OPTION`
 */
export const jwks = (options: JwksOptions): Verify => {
  const { issuer, audience, authorizedParties, subjectClaim = 'sub', fields, clock = systemClock } = options
  const { fetch = (url, init) => globalThis.fetch(url, init) } = options
  const url = parseUrl(options.url)
  if (!issuer) throw new OrqError('INVALID_OPTION', 'issuer: what `iss` of the provider’s tokens is')
  if ((audience === undefined) === (authorizedParties === undefined))
    throw new OrqError('INVALID_OPTION', 'audience and authorizedParties: give exactly one of them')
  let keys = new Map<string, BoundKey>()
  let fetchedAt = Number.NEGATIVE_INFINITY
  let fetching: Promise<void> | undefined
  /** Whether the last fetch brought nothing. */
  let isFailing = false

  const refresh = (): Promise<void> => {
    fetchedAt = clock.monotonic()
    // Never one that is under way: it has ended, or a runtime has stopped it together with the request that began it.
    // `manual`, as workerd throws on `error`: a redirect is not ok, and not followed.
    const mine = fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(fetchTimeoutMs) })
      .then(readSet)
      .then((next) => {
        keys = next
        isFailing = false
      })
      .catch(() => {
        isFailing = true
      })
      .finally(() => {
        if (fetching === mine) fetching = undefined
      })
    fetching = mine
    return mine
  }

  const keyOf = async (kid: string): Promise<BoundKey | undefined> => {
    const age = clock.monotonic() - fetchedAt
    if (!keys.has(kid)) {
      if (age >= (isFailing ? retryMs : minIntervalMs)) await refresh()
      // The first tokens after a start come together: they wait for the one fetch.
      else await fetching
      // It may be a new key, or the first one: nobody can tell, and the page must not take the token for a bad one.
      if (isFailing && !keys.has(kid))
        throw new Refusal('upstream_unavailable', {}, { 'retry-after': String(retryMs / 1_000) })
    } else if (age >= refreshMs) void refresh()
    return keys.get(kid)
  }

  return async (token) => {
    try {
      const { header: head, payload } = parseToken(token, maxTokenLength)
      const { kid, alg } = v.parse(header, head)
      const key = await keyOf(kid)
      if (!key || key.alg !== alg) return undefined
      await key.verify(token)
      const { iss, aud, azp, iat, exp, nbf = 0, ...others } = v.parse(claims, payload)
      const subject = (others as Record<string, unknown>)[subjectClaim]
      const now = clock.now() / 1000
      if (iss !== issuer || !isExternalId(subject)) return undefined
      if (audience !== undefined && ![aud].flat().includes(audience)) return undefined
      if (authorizedParties && !authorizedParties.includes(azp as string)) return undefined
      if (iat > now + skewSeconds || nbf > now + skewSeconds || now - iat > maxAgeSeconds) return undefined
      return exp < now - skewSeconds ? 'expired' : { subject, issuedAt: iat, fields }
    } catch (error) {
      if (error instanceof Refusal) throw error
      return undefined
    }
  }
}
