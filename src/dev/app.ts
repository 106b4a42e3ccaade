import { join } from 'node:path'
import { type Context, Hono } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { maxBodyBytes, parseContact } from '../core/contact.ts'
import { createBrowserFiles } from '../node/browser-files.ts'
import type { TokenKeys } from '../node/config.ts'
import { jwt } from '../proxy/jwt.ts'
import { mintToken } from '../proxy/mint.ts'
import { openContactTable } from './contact-table.ts'
import { createContactsApi } from './contacts-api.ts'
import { createEventStream } from './event-stream.ts'
import { faultModes, isFaultMode } from './faults.ts'
import { readJsonBody } from './json-body.ts'
import { createPageFiles } from './page-files.ts'
import { createQueueRoutes } from './queue-routes.ts'
import { createRelay } from './relay.ts'
import { ownHostOnly, ownPageOnly, safeAnswers } from './safety.ts'
import { createSessions } from './sessions.ts'
import { stepOf } from './steps.ts'

export interface DevAppOptions {
  /** The embedded API's SQLite file, or `:memory:`. */
  database: string
  /** The SQLite file of the queue, made when the page asks for one. When it is there, updates are kept in it. */
  queueFile: string
  /** Between proxy and embedded API; no page sees it. */
  apiKey: string
  tokenKeys: TokenKeys
  /** The host that is listened on, which `Host` may name beside localhost and loopback addresses. */
  host: string
  /** The folder of the built files: the browser files in it, the page in its `page`. */
  distFolder: string
  /** How late the fault `slow` answers, in milliseconds. @defaultValue 5000 */
  slowMs?: number | undefined
}

export interface DevApp {
  fetch(request: Request, info?: { address?: string }): Promise<Response>
  /** Ends the live streams first, as they would keep a server open, then lets the proxy finish. */
  close(): Promise<void>
}

const cookieName = 'orq_dev'

/**
 * The whole system on one handler: contacts API, proxy, browser files, a sign-in that believes everybody, one page.
 * @throws when one of the two files cannot be used
 */
export const createDevApp = (options: DevAppOptions): DevApp => {
  const { database, queueFile, apiKey, tokenKeys, host, distFolder, slowMs } = options
  const contacts = createContactsApi({ table: openContactTable(database), apiKey, slowMs })
  const events = createEventStream()
  const relay = createRelay({
    queueFile,
    verify: jwt({ secret: tokenKeys.secrets }),
    // In-process: the embedded API needs no second port, and the API key never touches a socket.
    upstream: {
      apiKey,
      serverUrl: 'http://localhost',
      fetch: (url, init) => contacts.fetch(new Request(url, init)),
    },
    onEvent: (event) => {
      const step = stepOf(event, Date.now())
      if (step) events.send('step', step)
    },
  })
  const browserFiles = createBrowserFiles({ folder: distFolder })
  const pageFiles = createPageFiles(join(distFolder, 'page'))
  const sessions = createSessions()
  contacts.onChange(({ contact }) => events.send('contact', contact))

  const person = (c: Context) => sessions.find(getCookie(c, cookieName))
  const refuse = (c: Context, status: 400 | 413 | 422, code: string, message: string): Response =>
    c.json({ code, message }, status)

  const app = new Hono<{ Bindings: { address?: string } }>()
  app.use(ownHostOnly(host))

  // Both have their own rules: a token or a key, never the cookie.
  app.all('/orq/*', async (c) => (await browserFiles(c.req.raw)) ?? relay.fetch(c.req.raw, c.env))
  app.all('/v2/*', (c) => contacts.fetch(c.req.raw))

  app.use(safeAnswers)
  app.on(['POST', 'PUT', 'PATCH', 'DELETE'], '*', ownPageOnly)

  app.get('/session', (c) => {
    const signedIn = person(c)
    return signedIn ? c.json(signedIn) : c.body(null, 204)
  })
  app.post('/session', async (c) => {
    const body = await readJsonBody(c.req.raw, maxBodyBytes)
    if ('code' in body) return refuse(c, body.status, body.code, 'send a JSON object of at most 32 000 bytes')
    const contact = parseContact(body.value)
    if ('hint' in contact) return refuse(c, 422, 'invalid_contact', `${contact.path}: ${contact.hint}`)
    const id = sessions.signIn(contact, getCookie(c, cookieName))
    setCookie(c, cookieName, id, { httpOnly: true, sameSite: 'Strict', path: '/' })
    return c.json(contact)
  })
  app.delete('/session', (c) => {
    sessions.signOut(getCookie(c, cookieName))
    deleteCookie(c, cookieName, { httpOnly: true, sameSite: 'Strict', path: '/' })
    return c.body(null, 204)
  })
  app.post('/token', async (c) => {
    const signedIn = person(c)
    if (!signedIn) return c.body(null, 204)
    const { keyId, secret } = tokenKeys.signing
    const token = await mintToken({ subject: signedIn.external_id, expiresIn: '5m' }, { secret, keyId })
    return c.json({ token })
  })
  app.get('/faults', (c) => c.json({ mode: contacts.fault }))
  app.post('/faults', async (c) => {
    const body = await readJsonBody(c.req.raw, maxBodyBytes)
    const mode = 'value' in body ? (body.value as { mode?: unknown } | null)?.mode : undefined
    if (!isFaultMode(mode)) return refuse(c, 422, 'invalid_mode', `mode: one of ${faultModes}`)
    contacts.setFault(mode)
    events.send('fault', { mode })
    return c.json({ mode })
  })
  app.route(
    '/queue',
    createQueueRoutes(relay, (keeping) => events.send('keeping', { keeping })),
  )
  app.get('/contacts', (c) => {
    const page = contacts.list(new URL(c.req.url).searchParams)
    return page ? c.json(page) : refuse(c, 400, 'bad_request', 'limit 1 to 50, and at most one known cursor')
  })
  app.get('/events', (c) => {
    // Hono answers HEAD by GET and drops the body, which would leave a stream open that nobody reads.
    if (c.req.raw.method === 'HEAD') return c.body(null, 200, { 'Content-Type': 'text/event-stream' })
    const stream = events.open('fault', { mode: contacts.fault })
    return stream ?? c.json({ code: 'too_many_streams', message: 'close another page of this server' }, 503)
  })
  app.get('/favicon.ico', (c) => c.body(null, 204)) // every browser asks; a 404 would be an error on its console
  app.get('*', async (c) => (await pageFiles(c.req.raw)) ?? c.notFound())
  app.notFound((c) => c.json({ code: 'not_found', message: 'no such path' }, 404))
  app.onError((error) => {
    throw error // Hono would print it; the server's `onError` reports it
  })

  return {
    fetch: async (request, info = {}) => app.fetch(request, info),
    close: async () => {
      events.close()
      await relay.close()
      contacts.close()
    },
  }
}
