import type { Clock } from '../core/ports.ts'
import { parseRetryAfter } from '../core/retry.ts'

/** What the core reads of an answer where the chunk is missing. */
export interface BareAnswer {
  /** The proxy's own word, where it has the update. */
  known?: 'delivered' | 'accepted' | undefined
  isUnauthorized?: boolean
  retryAfterMs?: number
}

/** Never rejects. */
export const readBareAnswer = async (response: Promise<Response>, clock: Clock): Promise<BareAnswer> => {
  const answer: BareAnswer = {}
  try {
    const given = await response
    const { status } = given
    answer.isUnauthorized = status === 401
    answer.retryAfterMs = parseRetryAfter(given.headers.get('retry-after'), clock.now()) ?? 0
    const word = (await given.json()).status
    if (word === { 200: 'delivered', 202: 'accepted' }[status]) answer.known = word
  } catch {}
  return answer
}
