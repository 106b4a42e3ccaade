import type { Clock, Fetch } from '../core/ports.ts'
import type { TokenSource } from './options.ts'

export interface Token {
  text: string
  /** Whom it speaks for; undefined when the token is opaque. */
  subject: string | undefined
  /** By the monotonic clock: device clocks lie. */
  until: number
}

type TokenAnswer = Token | 'no_token' | 'unreachable'

export interface Tokens {
  /** The token at hand, if it is still good. */
  peek(): Token | undefined
  /** The token at hand or a new one; the same answer, good or bad, until it expires or is discarded. Never rejects. */
  get(): Promise<TokenAnswer>
  discard(): void
  /** False when the source is a string. */
  isRenewable: boolean
}

/** Reads a JWT's payload without trusting it: only the proxy verifies. */
const claimsOf = (token: string): Record<string, unknown> => {
  try {
    const bytes = atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))))
  } catch {
    return {}
  }
}

/** Asks a token route: POST, same-origin cookies, no cache, no redirect. 204, 401 and 403 mean signed out. */
export const fetchToken =
  (fetch: Fetch, url: string): (() => Promise<string | null>) =>
  async () => {
    const response = await fetch(url, {
      method: 'POST',
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
    })
    if ([204, 401, 403].includes(response.status)) return null
    if (!response.ok) throw 0
    return (await response.json()).token
  }

export const createTokens = (
  source: TokenSource | undefined,
  { clock, timeoutMs, subjectClaim }: { clock: Clock; timeoutMs: number; subjectClaim: string },
): Tokens => {
  let asked: Promise<TokenAnswer> | undefined
  let token: Token | undefined

  const peek = (): Token | undefined => (token && clock.monotonic() < token.until ? token : undefined)

  const ask = async (): Promise<TokenAnswer> => {
    try {
      const text = await (typeof source === 'function' ? source() : source)
      if (!text) return 'no_token'
      const claims = claimsOf(text)
      const subject = claims[subjectClaim]
      const lifeMs = ((claims.exp as number) - (claims.iat as number)) * 1e3
      // Less half a minute, but at most half: the token still has to travel.
      const until = isRenewable && lifeMs > 0 ? clock.monotonic() + Math.max(lifeMs / 2, lifeMs - 3e4) : 1 / 0
      return { text, subject: typeof subject === 'string' ? subject : undefined, until }
    } catch {
      return 'unreachable'
    }
  }

  const discard = (): void => {
    asked = token = undefined
  }

  const isRenewable = typeof source !== 'string'

  return {
    peek,
    discard,
    isRenewable,
    get: () => {
      if (token && !peek()) discard()
      asked ??= new Promise((resolve) => {
        const cancel = clock.after(timeoutMs, () => resolve('unreachable'))
        ask().then((answer) => {
          cancel()
          resolve(answer)
        })
      })
      const mine = asked
      mine.then((answer) => {
        // Discarded meanwhile: it may speak for a former person.
        if (mine === asked && typeof answer === 'object') token = answer
      })
      return mine
    },
  }
}
