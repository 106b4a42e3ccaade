import { within } from '../core/within.ts'
import type { Settings } from './settings.ts'
import { trySlash } from './slash.ts'

export interface Token {
  bearer: string
  /** Whom it speaks for; undefined when the token is opaque. */
  subject: string | undefined
  /** What the JWT says, unverified. */
  claims: Record<string, unknown>
  /** By the monotonic clock: device clocks lie. */
  arrivedAt: number
}

/**
 * `unset`: there is no source. `thrown`: the function threw. `unreachable`: no answer of the token route. `shape`: no token in what
 * came. `characters`: a token that no header can hold. `late`: none within `timeoutMs`.
 */
export type TokenProblem = 'unset' | 'thrown' | 'unreachable' | 'shape' | 'characters' | 'late' | number

export interface Tokens {
  /** The token at hand. */
  held?: Token | undefined
  /**
   * The token at hand or a new one; the same answer, good or bad, until it is discarded. Never rejects.
   * @returns null when nobody is signed in, undefined when the source fails
   */
  ask(externalId?: string): Promise<Token | null | undefined>
  /** What the source has failed with. A number is the status of the token route, 0 for a redirect. */
  problem?: TokenProblem
  discard(): void
}

/** Reads a JWT's payload without trusting it: only the proxy verifies. An opaque token has no claims. */
const claimsOf = (token: string): Record<string, unknown> => {
  try {
    const bytes = atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))
    // Deprecated, never to go, and the shortest way from bytes to UTF-8.
    return { ...JSON.parse(decodeURIComponent(escape(bytes))) }
  } catch {
    return {}
  }
}

export const createTokens = (settings: Settings): Tokens => {
  const { token: source, tokenUrl, subjectClaim, clock, timeoutMs, fetch } = settings
  let asked: ReturnType<Tokens['ask']> | undefined

  const post = trySlash((slash) => fetch(tokenUrl + slash, { method: 'POST', cache: 'no-store', redirect: 'manual' }))

  const askRoute = async (): Promise<unknown> => {
    tokens.problem = 'unset'
    if (!tokenUrl) throw 0
    tokens.problem = 'unreachable'
    const response = await post()
    const { status, ok } = response
    if (status === 204 || status === 401) return null
    tokens.problem = status
    if (!ok) throw 0
    tokens.problem = 'shape'
    // Nobody is null there: a text without anything in it is a mistake.
    const { token } = Object(await response.json())
    return token || (token === null ? token : 0)
  }

  const request = async (externalId: string | undefined): ReturnType<Tokens['ask']> => {
    tokens.problem = 'thrown'
    try {
      const bearer =
        typeof source === 'function' ? await source(externalId) : source === undefined ? await askRoute() : source
      if (bearer === null || bearer === undefined || bearer === '') return null
      tokens.problem = 'shape'
      const isText = typeof bearer === 'string'
      // What a header cannot hold would make `fetch` throw.
      if (isText) tokens.problem = 'characters'
      if (!isText || !/^[!-~]+$/.test(bearer)) return undefined
      const claims = claimsOf(bearer)
      const subject = claims[subjectClaim]
      return {
        bearer,
        subject: subject === undefined ? subject : `${subject}`,
        claims,
        arrivedAt: clock.monotonic(),
      }
    } catch {
      return undefined
    }
  }

  const tokens: Tokens = {
    discard: () => {
      asked = tokens.held = undefined
    },
    ask: (externalId) => {
      if (asked) return asked
      const start = async (): ReturnType<Tokens['ask']> => {
        // The source may call `identify`, which asks for a token, and a loop over people asks for each.
        await 0
        return mine === asked ? request(externalId) : (asked ?? null)
      }
      const mine: ReturnType<Tokens['ask']> = within(clock, timeoutMs, start(), () => {
        tokens.problem = 'late'
        return undefined
      })
      asked = mine
      mine.then((answer) => {
        // Discarded meanwhile: it may speak for a former person.
        if (mine === asked && answer) tokens.held = answer
      })
      return mine
    },
  }
  return tokens
}
