import { byteLength, type Contact, type Json, maxBodyBytes, parseContact } from '../core/contact.ts'
import { APIError, OrqError } from '../core/errors.ts'
import { nextDelay, parseRetryAfter, type RetryConfig } from '../core/retry.ts'
import { createUpstreamRequest, type UpstreamOptions } from './request.ts'
import { upsert } from './upsert.ts'

/** A contact as the API gives it back. Only `_id` and `external_id` are sure to be there. */
export interface StoredContact extends Contact {
  _id: string
  /** ISO 8601. */
  created?: string
  /** ISO 8601. */
  updated?: string
  [other: string]: Json | undefined
}

export interface ContactsOptions extends UpstreamOptions {
  /** Used where a call names none, like the official SDKs' `retryConfig`. @defaultValue { strategy: 'none' } */
  retries?: RetryConfig | undefined
}

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

/** The contacts API for servers: backfills, sign-up handlers, tests. */
export const createContacts = (options: ContactsOptions): Contacts => {
  const request = createUpstreamRequest(options)
  const { path } = options
  return {
    create: async (given, { retries = options.retries ?? { strategy: 'none' }, signal } = {}) => {
      const contact = parseContact(given)
      if ('path' in contact) throw new OrqError('INVALID_CONTACT', `${contact.path}: ${contact.mend}`)
      if (byteLength(JSON.stringify(contact)) > maxBodyBytes)
        throw new OrqError('INVALID_CONTACT', `the contact: at most ${maxBodyBytes} bytes of JSON`)
      const start = performance.now()
      for (let failures = 0; ; failures++) {
        const delayMs = nextDelay(retries, failures, performance.now() - start, Math.random())
        let retryAfterMs: number | undefined
        try {
          const { kind, answer } = await upsert(request, contact, { path, signal })
          if (kind === 'done') return parseStored(answer.body, contact)
          if (delayMs === undefined || !retryable.includes(answer.status))
            throw new APIError(answer.status, answer.headers, answer.body)
          retryAfterMs = parseRetryAfter(answer.headers.get('retry-after'), Date.now())
        } catch (error) {
          if (error instanceof OrqError || delayMs === undefined || signal?.aborted) throw error
          if (retries.retryConnectionErrors === false) throw error
        }
        await sleep(retryAfterMs ?? delayMs ?? 0, signal)
      }
    },
  }
}

const sleep = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
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
