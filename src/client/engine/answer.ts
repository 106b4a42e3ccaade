import type { Clock } from '../../core/ports.ts'
import { parseRetryAfter } from '../../core/retry.ts'
import { statusOf } from '../../core/wire.ts'
import type { Failure } from '../backoff.ts'
import { isTime } from '../state.ts'

/** What an answer says of the update that it answers. */
export interface Answer {
  verdict: 'delivered' | 'accepted' | 'rejected' | 'superseded' | 'renew' | Failure
  /** Our code, where there is one. */
  code?: string
  /** Where `rejected`: the field, if it is one alone. */
  field?: string | undefined
  /** Where `superseded`: the number that is stored. */
  updateNumber?: number
  /** The status, 0 when there was no answer at all. */
  status: number
  isRedirect?: boolean
}

const renewing = /^(token_(missing|invalid|expired)|scope_mismatch)$/
const rejecting =
  /^(bad_(json|utf8|request)|field_forbidden|token_revoked|too_large|unsupported_media_type|invalid_field)$/
const failing = /^(internal|(store|upstream)_unavailable)$/

const verdictOf = (
  status: number,
  state: string,
  code: string,
  retryAfterMs: number,
): Answer['verdict'] | undefined => {
  if (status === 200 && state === 'delivered') return state
  if (status === 202 && state === 'accepted') return state
  // What drops an update has to be ours altogether: a gateway may know one of our words.
  if (statusOf[code as keyof typeof statusOf] === status) {
    if (renewing.test(code)) return 'renew'
    if (rejecting.test(code)) return 'rejected'
    if (code === 'superseded') return code
  }
  if (status < 400) return undefined
  if (code === 'body_timeout') return { reason: 'timeout', retryAfterMs }
  if (code === 'rate_limited') return { reason: code, retryAfterMs }
  if (failing.test(code)) return { reason: 'server', retryAfterMs }
  return undefined
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/**
 * Tells our proxy's answers from those of a login page, a captive portal or a firewall: an HTML page with 200 must not
 * acknowledge, and somebody else's 403 must not drop. Never rejects.
 */
export const readAnswer = async (response: Promise<Response>, clock: Clock): Promise<Answer> => {
  let status = 0
  let retryAfterMs = 0
  let isRedirect = false
  let code = ''
  try {
    const answer = await response
    status = answer.status
    isRedirect = answer.type === 'opaqueredirect'
    retryAfterMs = parseRetryAfter(answer.headers.get('retry-after'), clock.now()) ?? 0
    const body: Record<string, unknown> = Object(await answer.json())
    code = textOf(body['code'])
    const verdict = verdictOf(status, textOf(body['status']), code, retryAfterMs)
    const { number } = body
    if (verdict)
      return {
        verdict,
        code,
        status,
        field: textOf(body['path']).split('.')[0],
        updateNumber: verdict === 'superseded' && isTime(number) ? number : 0,
      }
  } catch {}
  // A web server in front answers so while the proxy restarts, or is busy.
  const isPassing = status > 499 || status === 429
  const settlesNow = !!status || isRedirect
  return {
    verdict: {
      reason: 'unreachable',
      noAutoRetry: settlesNow && !isPassing,
      settlesNow,
      retryAfterMs: isPassing ? retryAfterMs : 0,
    },
    code,
    status,
    isRedirect,
  }
}
