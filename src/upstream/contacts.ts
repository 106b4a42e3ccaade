import { byteLength, type Contact, isProblem, type Json, maxBodyBytes, parseContact } from '../core/contact.ts'
import { APIError, OrqError } from '../core/errors.ts'
import { type Clock, systemClock } from '../core/ports.ts'
import { nextDelay, parseRetryAfter, type RetryConfig } from '../core/retry.ts'
import { createUpstreamRequest, type UpstreamOptions } from './request.ts'
import { type UpsertResult, upsert } from './upsert.ts'

/** A contact as the API gives it back. Only `_id` and `external_id` are sure to be there. */
export interface StoredContact extends Contact {
  /** `contact_` and a ULID; '' when the API answered 2xx without one. */
  _id: string
  /** ISO 8601. */
  created?: string
  /** ISO 8601. */
  updated?: string
  /** Whatever else the API says of a contact. */
  [other: string]: Json | undefined
}

/** How `createContacts` reaches the contacts API. */
export interface ContactsOptions extends UpstreamOptions {
  /** Used where a call names none, like the official SDKs' `retryConfig`. @defaultValue { strategy: 'none' } */
  retries?: RetryConfig | undefined
  /** Time for the waits between attempts. @defaultValue the real one */
  clock?: Clock | undefined
}

/** The contacts API with your key: what of it the proxy uses, for code of your own. */
export interface Contacts {
  /**
   * Creates the contact, or updates the fields given; see the merge rule.
   * @throws OrqError `INVALID_CONTACT` before anything is sent; APIError for an answer that is not 2xx; what `fetch` throws
   * when there is none
   */
  create(
    contact: Contact,
    options?: { retries?: RetryConfig | undefined; signal?: AbortSignal | undefined },
  ): Promise<StoredContact>
}

const retryable = [429, 500, 502, 503, 504]

/**
 * The contacts API for servers: backfills, sign-up handlers, tests. Nothing is kept, joined or known to be there already:
 * each `create` is a request.
 * @throws OrqError `INVALID_OPTION`, naming the option
 */
export const createContacts = (options: ContactsOptions): Contacts => {
  const request = createUpstreamRequest(options)
  const { path, clock = systemClock } = options
  return {
    create: async (given, { retries = options.retries ?? { strategy: 'none' }, signal } = {}) => {
      const contact = parseContact(given)
      if (isProblem(contact)) throw new OrqError('INVALID_CONTACT', `${contact.path}: ${contact.hint}`)
      if (byteLength(JSON.stringify(contact)) > maxBodyBytes)
        throw new OrqError('INVALID_CONTACT', `the contact: at most ${maxBodyBytes} bytes of JSON`)
      const start = clock.monotonic()
      for (let failures = 0; ; failures++) {
        const result = await upsert(request, contact, { path, signal }).catch((error: unknown) => ({ error }))
        if ('kind' in result && result.kind === 'done') return parseStored(result.answer.body, contact)
        const isRetryable =
          'kind' in result ? retryable.includes(result.answer.status) : retries.retryConnectionErrors !== false
        const delayMs = nextDelay(retries, failures, clock.monotonic() - start, Math.random())
        if (!isRetryable || delayMs === undefined) throw toError(result)
        signal?.throwIfAborted()
        const header = 'kind' in result ? result.answer.headers.get('retry-after') : undefined
        await sleep(parseRetryAfter(header, clock.now()) ?? delayMs, clock, signal)
      }
    },
  }
}

const toError = (result: UpsertResult | { error: unknown }): unknown => {
  if ('error' in result) return result.error
  const { status, headers, body } = result.answer
  return new APIError(status, headers, body)
}

const sleep = (ms: number, clock: Clock, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    })
    signal?.addEventListener('abort', stop, { once: true })
  })

/** Any 2xx is done, whatever its body says: what the API leaves out is taken from what was sent. */
const parseStored = (body: string, contact: Contact): StoredContact => {
  try {
    const stored = JSON.parse(body)
    if (stored && typeof stored === 'object' && !Array.isArray(stored)) return { _id: '', ...contact, ...stored }
  } catch {}
  return { _id: '', ...contact }
}
