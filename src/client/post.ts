import { byteLength } from '../core/contact.ts'
import { hash } from '../core/hash.ts'
import { contactsPath } from '../core/wire.ts'
import { isHidden } from './page.ts'
import type { Settings } from './settings.ts'
import { trySlash } from './slash.ts'
import type { StateStore } from './state.ts'
import type { Token } from './tokens.ts'
import { toBody, type WaitingFields } from './waiting-fields.ts'

/** An update on the wire: what it carries, its number, and the answer to come. */
export interface InFlight {
  id: string
  /** The stored session that it belongs to. */
  session: string
  fields: WaitingFields
  updateNumber: number
  response: Promise<Response>
}

/** Sends a request to a path below the proxy. */
export type Send = (path: string, init: RequestInit) => Promise<Response>

/**
 * Sends an update: the one place that builds a request, for ky and for the bare `fetch` of a page that is left.
 * @param send by default the bare `fetch`, called before this returns
 */
export type Post = (update: Omit<InFlight, 'response' | 'session'>, token: Token, send?: Send) => Promise<Response>

/** At most 16 KiB: browsers share 64 among all keepalive bodies of a page, and ours leave most of it to others. */
export const outlivesPage = (body: string): boolean => byteLength(body) < 16_385

export const createPost = ({ fetch, proxyUrl }: Settings, store: StateStore): Post => {
  const sendBare: Send = (path, init) => fetch(proxyUrl + path, init)
  const request = trySlash((slash, send: Send, init: RequestInit) => send(contactsPath + slash, init))
  /**
   * Other scripts may use up what browsers allow all keepalive requests of a page together, and then each fails. So after
   * a network failure requests of a visible page go without, until one is answered.
   */
  let hasFailed = false
  return ({ id, fields, updateNumber }, { bearer }, send = sendBare) => {
    const body = toBody({ external_id: [JSON.stringify(id), 0, 0], ...fields })
    const force = Object.values(fields).some(([, , isForced]) => isForced) ? '.force' : ''
    // Asynchronous, so that a patched fetch which throws rejects; runs at once, while the page is still there.
    const run = async (): Promise<Response> =>
      request(send, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${bearer}`,
          'content-type': 'application/json',
          'orq-update-id': `${hash(store.read().id, id)}.${updateNumber}${force}`,
        },
        body,
        keepalive: outlivesPage(body) && !(hasFailed && !isHidden()),
        credentials: 'omit',
        redirect: 'manual',
      })
    const response = run()
    // Nobody may be there to hear it.
    response.then(
      () => (hasFailed = false),
      () => (hasFailed = true),
    )
    return response
  }
}
