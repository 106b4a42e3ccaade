import type { Clock } from '../core/ports.ts'
import { parseRetryAfter } from '../core/retry.ts'
import type { PendingReason } from './outcome.ts'

/** Not delivered; kept and tried again. */
export interface Failure {
  reason: PendingReason
  /** Not tried again by itself, only at the next call or load: a retry would change nothing. */
  isQuiet?: boolean
  /** A server's own word, in milliseconds; nothing cuts it short. */
  retryAfterMs?: number
}

/** What an answer says of the body it answers. */
export type Verdict = 'delivered' | 'accepted' | 'rejected' | 'superseded' | 'renew' | Failure

export interface Answer {
  verdict: Verdict
  /** Where `rejected`: our code, and the field if it is one alone. Where `superseded`: the number that is stored. */
  body: { status?: string; code?: string; path?: string; number?: number }
  /** The status of an answer that is not ours, 0 when there was none at all. */
  foreign?: number
}

/**
 * Tells our proxy's answers from those of a login page, a captive portal or a firewall: an HTML page with 200 must not
 * acknowledge, and somebody else's 403 must not drop.
 */
const judge = (status: number, { status: state, code }: Answer['body'], retryAfterMs: number): Verdict | undefined => {
  if (status === 200 && state === 'delivered') return state
  if (status === 202 && state === 'accepted') return state
  if (status < 400) return undefined
  if (/^(token_(missing|invalid|expired)|scope_mismatch)$/.test(code!)) return 'renew'
  if (
    /^(bad_(json|utf8|request)|field_forbidden|token_revoked|too_large|unsupported_media_type|invalid_field)$/.test(
      code!,
    )
  )
    return 'rejected'
  if (code === 'superseded') return code
  if (code === 'body_timeout') return { reason: 'timeout', retryAfterMs }
  if (code === 'rate_limited') return { reason: code, retryAfterMs }
  if (/^(internal|(store|upstream)_unavailable)$/.test(code!)) return { reason: 'server', retryAfterMs }
  return undefined
}

/** Reads an answer to its last byte. Never rejects. */
export const readAnswer = async (response: Promise<Response>, clock: Clock): Promise<Answer> => {
  let status = 0
  try {
    const answer = await response
    status = answer.status
    const body: Answer['body'] = await answer.json()
    const verdict = judge(status, body, parseRetryAfter(answer.headers.get('retry-after'), clock.now()) ?? 0)
    if (verdict) return { verdict, body }
  } catch {}
  return { verdict: { reason: 'unreachable', isQuiet: !!status }, body: {}, foreign: status }
}

/** The promise's value, or another one when it takes too long: a patched fetch may ignore its signal. */
export const within = <T>(clock: Clock, ms: number, promise: Promise<T>, late: () => T): Promise<T> =>
  new Promise((resolve) => {
    const cancel = clock.after(ms, () => resolve(late()))
    promise.then((value) => {
      cancel()
      resolve(value)
    })
  })
