import ky, { isNetworkError } from 'ky'
import { OrqError } from '../core/errors.ts'
import { systemClock } from '../core/ports.ts'
import { parseSafeUrl } from '../core/safe-url.ts'
import { contactsPath } from '../core/wire.ts'

/** What is read of an answer; `body` may be null where `text` gives all there is. */
export type FetchedAnswer = Pick<Response, 'status' | 'headers' | 'body' | 'text'>

/** `globalThis.fetch`, or less: `init` has a method, plain headers, a text as body, and a signal. */
export type UpstreamFetch = (url: string, init: RequestInit) => Promise<FetchedAnswer>

/** Where the contacts API is and what opens it. */
export interface UpstreamOptions {
  /** The API key of your Orq workspace. Stays on this machine: it is sent to `serverUrl` and nowhere else. */
  apiKey: string
  /**
   * The server, https, or http on a loopback address, as the key travels with each request; without credentials, query or
   * fragment.
   * @defaultValue 'https://api.orq.ai'
   */
  serverUrl?: string | URL | undefined
  /** Where contacts are posted; `/v2/identities` for workspaces that have only that. @defaultValue '/v2/contacts' */
  path?: string | undefined
  /** Makes the calls; give one made on a connection pool where many contacts pass. @defaultValue the global `fetch` */
  fetch?: UpstreamFetch | undefined
  /** The longest that one attempt may take, in milliseconds; of a proxy on a durable store at most the default. @defaultValue 10000 */
  timeoutMs?: number | undefined
}

/** One answer of the contacts API. `body` is upstream's own text, at most 64 kB of it: for the caller, never for a page. */
export interface UpstreamAnswer {
  /** Of HTTP; 300 to 399 too, as redirects are not followed. */
  status: number
  /** As `fetch` gave them. */
  readonly headers: Headers
  /** As text, whatever its type; '' when there is none. */
  body: string
}

export type UpstreamRequest = (
  method: 'POST' | 'PATCH',
  path: string,
  body: object,
  signal?: AbortSignal,
) => Promise<UpstreamAnswer>

const maxAnswerBytes = 65_536

/** Reads at most `maxAnswerBytes` and lets go of the rest: the status decides, not what a broken server streams. */
export const readText = async (response: FetchedAnswer): Promise<string> => {
  if (!response.body) return response.text()
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let left = maxAnswerBytes
  while (left > 0) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    text += decoder.decode(value.subarray(0, left), { stream: true })
    left -= value.byteLength
  }
  reader.cancel().catch(() => {})
  return text
}

const check = (isGood: boolean, hint: string): void => {
  if (!isGood) throw new OrqError('INVALID_OPTION', hint)
}

/** The server's address; `http:` only on this machine, for the key travels with every request. */
const parseServerUrl = (given: string | URL): string => {
  const url = parseSafeUrl(given)
  check(
    !!url && !url.username && !url.password && !url.search && !url.hash,
    'serverUrl: an https URL without credentials, query or fragment; http only on a loopback address',
  )
  return (url as URL).href.replace(/\/+$/, '')
}

/**
 * Attempts through ky, one each. Headers are built from nothing; a redirect is an answer like any other and never
 * followed, for it would carry the key to wherever it points.
 * @throws OrqError `INVALID_OPTION`
 */
export const createUpstreamRequest = (options: UpstreamOptions): UpstreamRequest => {
  const {
    apiKey,
    fetch = (url, init) => globalThis.fetch(url, init),
    path = contactsPath,
    timeoutMs = 10_000,
  } = options
  check(
    !!apiKey && !/[^\x21-\x7e]/.test(apiKey),
    'apiKey: the API key of an Orq workspace, visible ASCII without spaces',
  )
  // Without its first slash it would be the end of another host's name, and the key would go there.
  check(/^(\/[^\s/?#]+)+$/.test(path), 'path: like /v2/contacts, without a slash at its end, query or fragment')
  check(timeoutMs > 0 && Number.isFinite(timeoutMs), 'timeoutMs: milliseconds, more than 0')
  const serverUrl = parseServerUrl(options.serverUrl ?? 'https://api.orq.ai')
  return async (method, path, body, signal) => {
    const url = serverUrl + path
    // Not AbortSignal.timeout, whose timer goes on when the call has ended: at a thousand calls a second the leavings of
    // ten thousand.
    const aborter = new AbortController()
    const stop = (): void => aborter.abort(signal?.reason)
    const cancel = systemClock.after(timeoutMs, () => aborter.abort(new DOMException('timeout', 'TimeoutError')))
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop)
    const init = {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(body),
      redirect: 'manual' as const,
      signal: aborter.signal,
    }
    try {
      const response = await ky(url, {
        method,
        // ky would hand over a Request of this realm, which the fetch of another library cannot read; made without headers,
        // body and signal it costs a third.
        fetch: () => fetch(url, init) as Promise<Response>,
        retry: 0,
        throwHttpErrors: false,
        timeout: false,
      })
      const { status } = response
      const text = await readText(response)
      // Hardly ever looked at, and half of what an answer costs.
      return {
        status,
        body: text,
        get headers() {
          return response.headers
        },
      }
    } catch (error) {
      // ky's own error holds the request, and with it the key, for every logger that prints what it gets.
      throw isNetworkError(error) ? error.cause : error
    } finally {
      cancel()
      signal?.removeEventListener('abort', stop)
    }
  }
}
