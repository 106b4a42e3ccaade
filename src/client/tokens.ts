import type { Clock, Fetch } from '../core/ports.ts'
import type { TokenSource } from './options.ts'

export interface Token {
  text: string
  /** Whom it speaks for; undefined when the token is opaque. */
  subject: string | undefined
  /** By the monotonic clock: device clocks lie. */
  until: number
}

export interface Tokens {
  /** The token at hand, if it is still good. */
  peek(): Token | undefined
  /** The token at hand or a new one. Concurrent calls share one request. Never rejects. */
  get(): Promise<Token | 'no_token' | 'unreachable'>
  discard(): void
  /** False when the source is a string, which cannot be renewed. */
  renewable: boolean
}

/** Reads a JWT's payload without trusting it: only the proxy verifies. */
const claimsOf = (token: string): Record<string, unknown> => {
  try {
    const bytes = atob((token.split('.')[1] as string).replace(/-/g, '+').replace(/_/g, '/'))
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)))) ?? {}
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
      headers: { accept: 'application/json' },
    })
    if ([204, 401, 403].includes(response.status)) return null
    if (!response.ok) throw response.status
    return (await response.json()).token
  }

export const createTokens = (
  source: TokenSource | undefined,
  { clock, timeoutMs, subjectClaim }: { clock: Clock; timeoutMs: number; subjectClaim: string },
): Tokens => {
  const renewable = typeof source !== 'string'
  let current: Token | undefined
  let asking: Promise<Token | 'no_token' | 'unreachable'> | undefined

  const peek = (): Token | undefined => {
    if (current && clock.monotonic() >= current.until) current = undefined
    return current
  }

  const ask = async (): Promise<Token | 'no_token' | 'unreachable'> => {
    let cancel = (): void => {}
    try {
      const late = new Promise<never>((_, reject) => {
        cancel = clock.after(timeoutMs, () => reject(timeoutMs))
      })
      const text = await Promise.race([typeof source === 'function' ? source() : source, late])
      if (!text) return 'no_token'
      const claims = claimsOf(text)
      const subject = claims[subjectClaim]
      const lifeMs = (Number(claims.exp) - Number(claims.iat)) * 1000
      // Less half a minute, but at most half: the token still has to travel.
      const usableMs = renewable && lifeMs > 0 ? Math.max(lifeMs / 2, lifeMs - 30_000) : 1 / 0
      return { text, subject: typeof subject === 'string' ? subject : undefined, until: clock.monotonic() + usableMs }
    } catch {
      return 'unreachable'
    } finally {
      cancel()
    }
  }

  const get = (): Promise<Token | 'no_token' | 'unreachable'> => {
    const token = peek()
    if (token) return Promise.resolve(token)
    if (!asking) {
      const mine = ask().then((answer) => {
        // A discard while we asked means that the answer may speak for a former person.
        if (asking !== mine) return get()
        asking = undefined
        if (typeof answer === 'object') current = answer
        return answer
      })
      asking = mine
    }
    return asking
  }

  return {
    peek,
    get,
    renewable,
    discard: () => {
      current = asking = undefined
    },
  }
}
