import type { AcceptedStatus, RefusalCode } from '../../core/wire.ts'
import type { Step } from './backend.ts'
import type { Decision, Outcome } from './orq.ts'
import { sentenceOf } from './sentences.ts'
import { labelOf, spanOf } from './words.ts'

/** What happened in a word or two, and what it means. */
export interface Telling {
  what: string
  said: string
  /** How a person should take it. */
  mood: 'good' | 'calm' | 'wait' | 'bad'
}

const answers: Record<AcceptedStatus | RefusalCode, string> = {
  delivered: 'The contacts API has it.',
  accepted: 'It is on the disk and is delivered by itself.',
  bad_json: 'The body is no JSON.',
  bad_utf8: 'The body is no UTF-8.',
  bad_request: 'Something in the request has the wrong form.',
  token_missing: 'No Authorization: Bearer header came with it.',
  token_invalid: 'The token was not signed with the secret of this server, or has another form than the README says.',
  token_expired: 'The token is too old: the page fetches a new one.',
  scope_mismatch: 'The token is for another person than external_id says.',
  field_forbidden: 'The token does not allow this field.',
  origin_forbidden: 'A page of another origin may not write. Let your own server pass /orq on to this one.',
  token_revoked: 'The person was purged after this token was made.',
  not_found: 'There is no such path.',
  method_not_allowed: 'Contacts are sent by POST.',
  body_timeout: 'The body took too long to arrive.',
  superseded: 'A later update of this browser had arrived before. The page sends what is still missing.',
  too_large: 'The body is larger than 32 000 bytes.',
  unsupported_media_type: 'The body was not sent as application/json.',
  invalid_field: 'A field was refused for good. The page drops it and sends the others.',
  rate_limited: 'More than 60 requests in a minute: the page waits.',
  internal: 'Something failed in this server. The page tries again.',
  store_unavailable: 'The disk did not take it. The page tries again.',
  upstream_unavailable: 'The contacts API did not take it, and nothing is kept here. The page tries again.',
}

const calls: Record<Extract<Step, { type: 'call' }>['result'], Omit<Telling, 'what'>> = {
  done: { said: 'The contacts API took it.', mood: 'good' },
  refused: { said: 'The contacts API refuses it. Of several fields each is tried alone.', mood: 'bad' },
  retry: { said: 'The contacts API failed. It may work later.', mood: 'wait' },
  blocked: { said: 'The contacts API turned us away: a wrong key or path?', mood: 'bad' },
}

const pauses: Record<Extract<Step, { type: 'paused' }>['why'], string> = {
  retry_after: 'The contacts API asked for a pause.',
  failing: 'Five contacts in a row failed: one call at a time until one passes.',
  blocked: 'Three contacts in a row were turned away: look at key and path.',
}

const moodOf = (status: number): Telling['mood'] => {
  if (status < 300) return 'good'
  return status >= 500 || status === 408 || status === 429 ? 'wait' : 'bad'
}

/** A step of the proxy, for a person. */
export const tellStep = (step: Step): Telling => {
  switch (step.type) {
    case 'call':
      return { what: `${step.status ?? 'no answer'} in ${Math.ceil(step.ms)} ms`, ...calls[step.result] }
    case 'answered': {
      const { status, code } = step
      return { what: `${status} ${code}`, said: answers[code], mood: moodOf(status) }
    }
    case 'parked':
      return { what: 'refused', said: `${step.fields.map(labelOf).join(', ')}: ${step.reason}.`, mood: 'bad' }
    case 'put':
      return step.result === 'unchanged'
        ? { what: 'unchanged', said: 'Known to be there already: the contacts API is not called.', mood: 'calm' }
        : { what: 'store failed', said: 'The disk did not take an update.', mood: 'bad' }
    case 'paused':
      return { what: 'paused', said: `${pauses[step.why]} ${spanOf(step.ms)}.`, mood: 'wait' }
    case 'resumed':
      return { what: 'resumed', said: 'A call has passed: calls are made as usual.', mood: 'good' }
    case 'failed':
      return { what: 'failed', said: `${step.where}.`, mood: 'bad' }
  }
}

const moods: Record<Decision['kind'], Telling['mood']> = {
  joined: 'calm',
  sent: 'calm',
  delivered: 'good',
  accepted: 'good',
  duplicate: 'calm',
  pending: 'wait',
  dropped: 'bad',
}

/** A decision of the client, for a person. */
export const tellDecision = ({ kind, reason }: Decision): Telling => {
  const mood = moods[kind]
  if (kind === 'joined') return { what: 'joined', said: 'It waits with the calls before it, for one request.', mood }
  if (kind === 'sent') return { what: 'sent', said: 'A request is on its way to the proxy.', mood }
  const what = reason ? `${kind} · ${reason.replace('_', ' ')}` : kind
  return { what, said: sentenceOf({ status: kind, reason } as Outcome), mood }
}
