import { setTimeout as sleep } from 'node:timers/promises'
import { formatUpdateId, updateIdHeader } from '../../../core/wire.ts'
import { type Deployment, ownPage, post, unexpected, wordOf } from './deployment.ts'
import { type Finding, ok, wrong } from './finding.ts'
import type { Answer } from './line.ts'
import { readToken } from './token.ts'

/** Forced: to a value that is known to be there the proxy says "delivered" without asking the contacts API. */
const updateId = formatUpdateId({ client: 'orq-identify-doctor', number: 1, force: true })

/** Growing: an update that arrives while the last one is on the wire is sent after it, and would never be found there. */
const pausesMs = [1_000, 2_000, 5_000]

/**
 * Writes the contact of the token, by its id alone: the one check that changes anything. What was accepted and not
 * delivered is asked for again by the same update, which is answered 200 once the contacts API has it.
 */
export const writeContact = async (deployment: Deployment, token: string): Promise<Finding[]> => {
  const { sub } = readToken(token).claims
  const ask = (headers: Record<string, string> = {}): Promise<Answer> => {
    const who = { ...ownPage(deployment), authorization: `Bearer ${token}`, ...headers }
    return post(deployment, who, JSON.stringify({ external_id: sub }))
  }
  const start = performance.now()
  let answer = await ask({ [updateIdHeader]: updateId })
  for (const pauseMs of pausesMs) {
    if (wordOf(answer) !== 'accepted') break
    await sleep(pauseMs)
    answer = await ask()
  }
  switch (wordOf(answer)) {
    case 'delivered':
      return [ok('write', 'the contacts API has taken the contact')]
    case 'accepted':
      return [
        wrong(
          'write',
          `accepted, but not delivered within ${Math.round((performance.now() - start) / 1_000)} s`,
          // Who is turned away waits for a minute, a restart of the proxy or not.
          'see orq-identify queue list and orq_dispatcher_paused for why, fix ORQ_API_KEY, ORQ_SERVER_URL or ORQ_UPSTREAM_PATH, and run this again a minute later',
        ),
      ]
    case 'upstream_unavailable':
      return [
        unexpected(
          'write',
          'not delivered',
          answer,
          'check ORQ_API_KEY, ORQ_SERVER_URL and ORQ_UPSTREAM_PATH (upstream of createProxy), and that the contacts API is up',
        ),
      ]
    case 'invalid_field':
      return [unexpected('write', 'the contacts API does not take this id', answer, 'try a token of another person')]
    case 'scope_mismatch':
      return [
        unexpected(
          'write',
          'sub is not the external id here',
          answer,
          'leave --write out and identify somebody in a page, which knows the claim (subjectClaim)',
        ),
      ]
    case 'token_revoked':
      return [unexpected('write', 'the contact was purged', answer, 'try a new token, or one of another person')]
    case 'store_unavailable':
      return [unexpected('write', 'nothing can be stored', answer, 'see the log and /readyz of the proxy')]
    default:
      return [unexpected('write', 'the contact', answer, 'see the log of the proxy')]
  }
}
