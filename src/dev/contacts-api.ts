import { createHash, timingSafeEqual } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { type Contact, maxBodyBytes, parseContact } from '../core/contact.ts'
import { type Clock, systemClock } from '../core/ports.ts'
import type { ContactChange, ContactTable, Page } from './contact-table.ts'
import { createFaults, type FaultMode } from './faults.ts'
import { readJsonBody } from './json-body.ts'
import { createMemoryTable } from './memory-table.ts'
import { parsePageRequest } from './page-request.ts'

/** What opens the embedded contacts API, and what is behind it. */
export interface ContactsApiOptions {
  /** Where the contacts are; closed with the API. @defaultValue in memory */
  table?: ContactTable | undefined
  /** What `Authorization: Bearer` must carry; anything else is answered 401. */
  apiKey: string
  /** How late the fault `slow` answers, in milliseconds. @defaultValue 5000 */
  slowMs?: number | undefined
  /** Waits out the fault `slow`, and dates contacts in memory. @defaultValue the system's */
  clock?: Clock | undefined
}

/** The contacts API of Orq, in this process. */
export interface ContactsApi {
  /**
   * The API over HTTP or in-process: `/v2/contacts` and `/v2/identities`. Faults apply here, and only here. Rejects like
   * `fetch` when the request is aborted while `slow` delays it.
   */
  fetch(request: Request): Promise<Response>
  /** One page by the query of `GET /v2/contacts`, past key and faults; undefined for a query that is wrong. */
  list(query: URLSearchParams): Page | undefined
  /** How it behaves now. @defaultValue 'ok' */
  readonly fault: FaultMode
  /** How it behaves from the next request on. Requests that `slow` holds stay held. */
  setFault(mode: FaultMode): void
  /** Hears of every write, while it happens. @returns a function that ends it */
  onChange(listener: (change: ContactChange) => void): () => void
  /** Ends the delays of `slow`, which reject, forgets the listeners, and closes the table. */
  close(): void
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Never with a value of the contact: an error ends up in logs. */
const invalid = (c: Context, path: string, hint: string): Response =>
  c.json({ code: 'invalid_contact', path, message: `${path}: ${hint}` }, 422)

/**
 * The contacts API of Orq in this process, for development and tests. An update merges: an absent field is kept, null, `[]` and
 * `{}` clear, a given field replaces the whole field. `POST /v2/contacts` creates or updates, `POST /v2/identities`
 * only creates; both paths show the same contacts.
 */
export const createContactsApi = (options: ContactsApiOptions): ContactsApi => {
  const { apiKey, slowMs = 5_000, clock = systemClock } = options
  const table = options.table ?? createMemoryTable(clock)
  const faults = createFaults(slowMs, clock)
  const listeners = new Set<(change: ContactChange) => void>()
  // Digests have one length, which timingSafeEqual wants, and hide the key's.
  const expected = digest(`Bearer ${apiKey}`)

  const write = (contact: Contact): ContactChange => {
    const change = table.upsert(contact)
    for (const listener of listeners) listener(change)
    return change
  }

  /** Reads the body as a contact, with the id that a path gave when there is one. */
  const readContact = async (c: Context, externalId?: string): Promise<Contact | Response> => {
    const body = await readJsonBody(c.req.raw, maxBodyBytes)
    if ('code' in body) return c.json({ code: body.code, message: 'the body is not acceptable' }, body.status)
    const { value } = body
    if (!value || typeof value !== 'object' || Array.isArray(value)) return invalid(c, 'body', 'a JSON object')
    const given: Record<string, unknown> = { ...value }
    if (externalId !== undefined) given['external_id'] ??= externalId
    const contact = parseContact(given)
    if ('hint' in contact) return invalid(c, contact.path, contact.hint)
    if (externalId !== undefined && contact.external_id !== externalId)
      return invalid(c, 'external_id', 'cannot be changed')
    return contact
  }

  const app = new Hono()
  app.use((c, next) => {
    if (timingSafeEqual(digest(c.req.header('Authorization') ?? ''), expected)) return next()
    return Promise.resolve(c.json({ code: 'unauthorized', message: 'give the API key as Authorization: Bearer' }, 401))
  })
  app.onError((error) => {
    throw error // Hono would print it; whoever called `fetch` knows better what to do
  })
  app.notFound((c) => c.json({ code: 'not_found', message: 'no such path' }, 404))

  for (const path of ['/v2/contacts', '/v2/identities']) {
    app.get(path, (c) => {
      const page = parsePageRequest(new URL(c.req.url).searchParams, table.find)
      if ('message' in page) return c.json({ code: 'bad_request', message: page.message }, 400)
      return c.json(table.list(page))
    })
    app.get(`${path}/:reference`, (c) => {
      const contact = table.find(c.req.param('reference'))
      return contact ? c.json(contact) : c.notFound()
    })
    app.patch(`${path}/:reference`, async (c) => {
      const existing = table.find(c.req.param('reference'))
      if (!existing) return c.notFound()
      const contact = await readContact(c, existing.external_id)
      return contact instanceof Response ? contact : c.json(write(contact).contact)
    })
  }
  app.post('/v2/contacts', async (c) => {
    const contact = await readContact(c)
    return contact instanceof Response ? contact : c.json(write(contact).contact)
  })
  app.post('/v2/identities', async (c) => {
    const contact = await readContact(c)
    if (contact instanceof Response) return contact
    if (table.find(contact.external_id)) return c.json({ code: 'conflict', message: 'this contact exists' }, 409)
    return c.json(write(contact).contact, 201)
  })

  return {
    fetch: async (request) => (await faults.answer(request)) ?? app.fetch(request),
    list: (query) => {
      const page = parsePageRequest(query, table.find)
      return 'message' in page ? undefined : table.list(page)
    },
    get fault() {
      return faults.mode
    },
    setFault: faults.set,
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => {
      faults.close()
      listeners.clear()
      table.close()
    },
  }
}
