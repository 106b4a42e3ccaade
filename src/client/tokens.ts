import type { Settings } from './settings.ts'

export interface Token {
  bearer: string
  /** Whom it speaks for; undefined when the token is opaque. */
  subject: string | undefined
  /** What the JWT says, unverified. */
  claims: Record<string, unknown>
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
  ask(externalId?: string): Promise<Token | null | undefined>
  /** What the source has failed with: an error, or the status of the token route, 0 for a redirect. */
  problem?: unknown
  discard(): void
}

/** Reads a JWT's payload without trusting it: only the proxy verifies. An opaque token has no claims. */
const claimsOf = (token: string): Record<string, unknown> => {
  try {
    const bytes = atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))
    // Deprecated, never to go, and the shortest way from bytes to UTF-8.
    return Object(JSON.parse(decodeURIComponent(escape(bytes))))
  } catch {
    return {}
  }
}

export const createTokens = (settings: Settings): Tokens => {
  const { token: source, tokenUrl, subjectClaim, clock, fetch } = settings
  let asked: ReturnType<Tokens['ask']> | undefined

  const askRoute = async (): Promise<unknown> => {
    if (!tokenUrl) throw undefined
    const response = await fetch(tokenUrl, {
      method: 'POST',
      cache: 'no-store',
      redirect: 'manual',
    })
    const { status, ok } = response
    if (status === 204 || status === 401) return null
    if (!ok) throw status
    // What is no JSON, and what has no token, is the same mistake.
    const { token = 0 } = Object(await response.json().catch(() => 0))
    return token
  }

  const request = async (externalId: string | undefined): ReturnType<Tokens['ask']> => {
    try {
      const bearer =
        typeof source === 'function' ? await source(externalId) : source === undefined ? await askRoute() : source
      if (bearer === null || bearer === undefined || bearer === '') return null
      // What a header cannot hold would make `fetch` throw.
      if (typeof bearer !== 'string' || !/^[!-~]+$/.test(bearer)) throw SyntaxError()
      const claims = claimsOf(bearer)
      const subject = claims[subjectClaim]
      return {
        bearer,
        subject: subject === undefined ? subject : `${subject}`,
        claims,
        arrivedAt: clock.monotonic(),
      }
    } catch (problem) {
      tokens.problem = problem
      return undefined
    }
  }

  const tokens: Tokens = {
    discard: () => {
      asked = tokens.held = undefined
    },
    ask: (externalId) => {
      if (!asked) {
        const mine = request(externalId)
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
