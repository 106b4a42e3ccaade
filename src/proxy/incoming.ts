// What is read of a request besides its body, and of whoever brings it.
import { parseUpdateId, type UpdateId, updateIdHeader } from '../core/wire.ts'
import { Refusal } from './answer.ts'
import type { KeepAlive } from './dispatcher.ts'

/** What the server knows of a request that is not in the request. */
export interface RequestInfo {
  /** The IP address of whoever asks, for `addressLimit`. @defaultValue none: nothing is counted by address */
  address?: string | undefined
  /**
   * Keeps the runtime at work until a promise settles: `(work) => ctx.waitUntil(work)` on Cloudflare Workers, which
   * stop all that a request began when it is answered or its page has left. Elsewhere not needed.
   * @defaultValue none
   */
  waitUntil?: KeepAlive | undefined
}

export const readToken = (headers: Headers): string => {
  const authorization = headers.get('authorization')
  if (authorization === null) throw new Refusal('token_missing')
  const [, token] = /^bearer ([^\s,]+)$/i.exec(authorization) ?? []
  if (!token) throw new Refusal('token_invalid')
  return token
}

export const readUpdateId = (headers: Headers): UpdateId | undefined => {
  const text = headers.get(updateIdHeader)
  if (text === null) return undefined
  const id = parseUpdateId(text)
  if (!id) throw new Refusal('bad_request', { hint: `${updateIdHeader}: <client>.<number>[.force]` })
  return id
}

/** A runtime that calls `fetch` itself may hand in what is its own: Bun its server, whose `address` is an object. */
export const readInfo = ({ address, waitUntil }: RequestInfo = {}): RequestInfo => ({
  address: typeof address === 'string' ? address : undefined,
  waitUntil: typeof waitUntil === 'function' ? waitUntil : undefined,
})

/** Whatever the URL's host, scheme and form: only its path decides. Adapters make one of a Host without looking at it. */
export const pathOf = (text: string): string => {
  const url = URL.parse(text, 'http://proxy.invalid')
  if (!url) throw new Refusal('bad_request')
  return url.pathname
}
