import { type Context, Hono } from 'hono'
import type { Entry } from '../store/entry.ts'
import { readJsonBody } from './json-body.ts'
import { isKeeping, type Keeping, type Relay } from './relay.ts'

/** What `GET /queue` answers: values too, as the page shows them to whoever reaches it. */
export interface QueueAnswer {
  keeping: Keeping
  entries: Entry[]
  /** Whether there are more entries than these. */
  has_more: boolean
  /** The server's clock, by which the times of the entries are meant; milliseconds since the epoch. */
  now: number
}

const maxBytes = 1_000
const shown = 50

/** The object of a body, or the answer that refuses it. */
const readObject = async (c: Context): Promise<Record<string, unknown> | Response> => {
  const body = await readJsonBody(c.req.raw, maxBytes)
  if ('code' in body) return c.json({ code: body.code, message: 'send a small JSON object' }, body.status)
  return typeof body.value === 'object' && body.value !== null ? { ...body.value } : {}
}

/** The queue of the proxy: `GET` shows it, `POST` exchanges the store, `POST …/retry` and `…/drop` take an `id`. */
export const createQueueRoutes = (relay: Relay, onKeeping: (keeping: Keeping) => void): Hono => {
  const app = new Hono()
  app.get('/', async (c) => {
    const entries = await relay.list(shown + 1)
    const answer: QueueAnswer = {
      keeping: relay.keeping,
      entries: entries.slice(0, shown),
      has_more: entries.length > shown,
      now: Date.now(),
    }
    return c.json(answer)
  })
  app.post('/', async (c) => {
    const body = await readObject(c)
    if (body instanceof Response) return body
    const { keeping } = body
    if (!isKeeping(keeping)) return c.json({ code: 'invalid_keeping', message: 'keeping: memory or disk' }, 422)
    if (!(await relay.keep(keeping))) {
      const message = 'something waits on the disk and would be lost: let it be delivered, or drop it'
      return c.json({ code: 'queue_not_empty', message }, 409)
    }
    onKeeping(keeping)
    return c.json({ keeping })
  })
  for (const [path, mend] of [['/retry', relay.requeue] as const, ['/drop', relay.drop] as const])
    app.post(path, async (c) => {
      const body = await readObject(c)
      if (body instanceof Response) return body
      const { id } = body
      // A whole id: the store takes the beginning of one too, and none is the beginning of any.
      if (typeof id !== 'string' || !/^[0-9a-f]{32}$/.test(id))
        return c.json({ code: 'invalid_id', message: 'id: one that GET /queue lists' }, 422)
      if (await mend(id)) return c.json({ id })
      return c.json({ code: 'not_found', message: 'nothing waits under this id any more' }, 404)
    })
  return app
}
