import type { Settings } from './options.ts'

interface Claims {
  exp?: number
  iat?: number
  [claim: string]: unknown
}

export interface Token {
  bearer: string
  /** Whom it speaks for; undefined when the token is opaque. */
  subject: string | undefined
  claims: Claims
  /** By the monotonic clock: device clocks lie. */
  arrivedAt: number
}

export interface Tokens {
  /** The token at hand. */
  held?: Token | undefined
  /**
   * The token at hand or a new one; the same answer, good or bad, until it is discarded. Never rejects.
   * @returns null when nobody is signed in, undefined when the source fails
   */
  ask(): Promise<Token | null | undefined>
  discard(): void
}

/** Reads a JWT's payload without trusting it: only the proxy verifies. An opaque token has no claims. */
const claimsOf = (token: string): Claims => {
  try {
    const bytes = atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))
    // Deprecated, never to go, and the shortest way from bytes to UTF-8.
    return JSON.parse(decodeURIComponent(escape(bytes)))
  } catch {
    return {}
  }
}

/** Half a minute early, but at half its life at the earliest: it still has to travel. */
export const isExpired = ({ claims: { exp = 0, iat = 0 }, arrivedAt }: Token, now: number): boolean => {
  const lifeMs = (exp - iat) * 1e3
  return lifeMs > 0 && now >= arrivedAt + Math.max(lifeMs / 2, lifeMs - 3e4)
}

export const createTokens = ({ token: source, tokenUrl, subjectClaim = 'sub', clock, fetch }: Settings): Tokens => {
  let asked: ReturnType<Tokens['ask']> | undefined

  const request: Tokens['ask'] = async () => {
    try {
      let bearer = typeof source === 'function' ? await source() : source
      if (!source && tokenUrl) {
        const response = await fetch(tokenUrl, {
          method: 'POST',
          cache: 'no-store',
          credentials: 'same-origin',
          redirect: 'manual',
        })
        // Signed out.
        if (/204|40[13]/.test(response.status as unknown as string)) return null
        if (!response.ok) throw 0
        bearer = (await response.json()).token
      }
      if (!bearer) return null
      const claims = claimsOf(bearer)
      return { bearer, subject: claims[subjectClaim] as string | undefined, claims, arrivedAt: clock.monotonic() }
    } catch {
      return undefined
    }
  }

  const tokens: Tokens = {
    discard: () => {
      asked = tokens.held = undefined
    },
    ask: () => {
      if (!asked) {
        const mine = request()
        asked = mine
        mine.then((answer) => {
          // Discarded meanwhile: it may speak for a former person.
          if (mine === asked && answer) tokens.held = answer
        })
      }
      return asked
    },
  }
  return tokens
}
