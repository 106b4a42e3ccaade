import type { Settings } from './options.ts'

export interface Token {
  bearer: string
  /** Whom it speaks for; undefined when the token is opaque. */
  subject: string | undefined
  /** By the monotonic clock: device clocks lie. */
  until: number
}

export interface Tokens {
  /** The token at hand, if it is still good. */
  peek(): Token | undefined
  /** The token at hand or a new one; the same answer, good or bad, until it expires or is discarded. Never rejects. */
  ask(): Promise<Token | 'no_token' | 'unreachable'>
  discard(): void
}

/** Reads a JWT's payload without trusting it: only the proxy verifies. An opaque token has no claims. */
const claimsOf = (token: string): Record<string, unknown> => {
  try {
    const bytes = atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))))
  } catch {
    return {}
  }
}

export const createTokens = ({ token: source, tokenUrl, subjectClaim, clock, fetch }: Settings): Tokens => {
  let asked: ReturnType<Tokens['ask']> | undefined
  let held: Token | undefined

  const discard = (): void => {
    asked = held = undefined
  }

  const peek = (): Token | undefined => {
    if (held && clock.monotonic() >= held.until) discard()
    return held
  }

  /** 204, 401 and 403 of a token route mean signed out. */
  const fetchText = async (): Promise<string | null | undefined> => {
    if (typeof source === 'function') return source()
    if (source || !tokenUrl) return source
    const response = await fetch(tokenUrl, {
      method: 'POST',
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
    })
    if ([204, 401, 403].includes(response.status)) return null
    if (!response.ok) throw 0
    return (await response.json()).token
  }

  const request: Tokens['ask'] = async () => {
    try {
      const bearer = await fetchText()
      if (!bearer) return 'no_token'
      const { [subjectClaim]: subject, exp, iat } = claimsOf(bearer) as Record<string, number>
      const lifeMs = (exp! - iat!) * 1e3
      return {
        bearer,
        subject: typeof subject === 'string' ? subject : undefined,
        // Less half a minute, but at most half: it still has to travel. A string cannot be renewed, so it lives on.
        until:
          typeof source !== 'string' && lifeMs > 0 ? clock.monotonic() + Math.max(lifeMs / 2, lifeMs - 3e4) : 1 / 0,
      }
    } catch {
      return 'unreachable'
    }
  }

  return {
    peek,
    discard,
    ask: () => {
      peek()
      if (!asked) {
        const mine = request()
        asked = mine
        mine.then((answer) => {
          // Discarded meanwhile: it may speak for a former person.
          if (mine === asked && typeof answer === 'object') held = answer
        })
      }
      return asked
    },
  }
}
