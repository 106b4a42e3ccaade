import type { Contact } from '../core/contact.ts'
import { contactsPath } from '../core/wire.ts'
import type { UpstreamAnswer, UpstreamRequest } from './request.ts'

/**
 * What one upsert came to. `refused`: the API will not take these fields, ever. `retry`: nothing is known to be wrong
 * with them. `blocked`: probably our key, path or a firewall. Only a status and headers of upstream, never its text.
 */
export interface UpsertResult {
  /** What is to be done with the update. */
  kind: 'done' | 'refused' | 'retry' | 'blocked'
  /** That of the call that decided: POST's, or PATCH's where one followed. */
  answer: UpstreamAnswer
}

export interface UpsertOptions {
  /** @defaultValue '/v2/contacts' */
  path?: string | undefined
  signal?: AbortSignal | undefined
  /** Asked between POST and PATCH: whether the contact is still to be sent. If not, what POST said stands. */
  goesOn?: (() => Promise<boolean>) | undefined
}

const isRetryable = (status: number): boolean => status === 408 || status === 425 || status === 429 || status >= 500

/**
 * Creates or updates by `external_id`. The API has been "update or add", create-only, and "update or add" again, so
 * POST goes first; a 409, or a 400 or 422 for a body that is valid by our own schema, goes on as PATCH without the id
 * in the body.
 * @throws what the request throws when there was no answer, and what `goesOn` throws
 */
export const upsert = async (
  request: UpstreamRequest,
  { external_id, ...fields }: Contact,
  { path = contactsPath, signal, goesOn }: UpsertOptions = {},
): Promise<UpsertResult> => {
  const posted = await request('POST', path, { external_id, ...fields }, signal)
  const judge = (answer: UpstreamAnswer): UpsertResult | undefined => {
    const { status } = answer
    if (status >= 200 && status < 300) return { kind: 'done', answer }
    if (isRetryable(status)) return { kind: 'retry', answer }
    if (status === 413) return { kind: 'refused', answer }
    return [400, 409, 422].includes(status) ? undefined : { kind: 'blocked', answer }
  }
  const first = judge(posted)
  if (first) return first
  const isConflict = posted.status === 409
  if (goesOn && !(await goesOn())) return { kind: isConflict ? 'retry' : 'refused', answer: posted }
  const patched = await request('PATCH', `${path}/${encodeURIComponent(external_id)}`, fields, signal)
  const { status } = patched
  const second = judge(patched)
  if (second && (second.kind === 'done' || second.kind === 'retry' || status < 400 || status === 401 || status === 403))
    return second
  // A conflict says that the contact exists: then PATCH is the way to it, and what PATCH refuses is refused.
  if (isConflict && [400, 413, 422].includes(status)) return { kind: 'refused', answer: patched }
  // Any other 4XX says no more than that PATCH is no way: what POST said stands, and a conflict may be over next time.
  return isConflict ? { kind: 'retry', answer: patched } : { kind: 'refused', answer: posted }
}
