import { vi } from 'vitest'
import type { KeyValueStore } from '../../src/core/ports.ts'
import type { ClientOptions, Orq } from '../../src/index.ts'
import { type FakeClock, fakeClock } from '../clock.ts'

// With a fake clock nothing takes long: what hangs is to fail soon.
vi.setConfig({ testTimeout: 60_000 })

/** The built files: what is tested is what is shipped. */
export const { createOrq }: typeof import('../../src/index.ts') = await import(`${'../../dist/orq.esm.js'}`)
// Loaded beforehand: a fake clock does not wait for a disk.
await import(`${'../../dist/transport.js'}`)

export const fakeStorage = (): KeyValueStore & { values: Map<string, string> } => {
  const values = new Map<string, string>()
  return {
    values,
    get: (key) => values.get(key),
    set: (key, value) => void (value === undefined ? values.delete(key) : values.set(key, value)),
  }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** An unsigned token: the client only reads it. */
export const tokenFor = (
  sub: string,
  { exp = 300, ...claims }: { exp?: number; [claim: string]: unknown } = {},
): string =>
  `${encode({ alg: 'none' })}.${encode({ sub, iat: 1_800_000_000, exp: 1_800_000_000 + exp, ...claims })}.sig`

export interface Posted {
  body: Record<string, unknown>
  token: string
  client: string
  number: number
  force: boolean
  keepalive: boolean
  at: number
}

type Reply = Response | Error | Promise<Response> | 'hang'

/** Our proxy's answers, or anything else in its place. */
export const reply = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers })
export const delivered = (): Response => reply(200, { external_id: 'x', status: 'delivered' })
export const refused = (
  status: number,
  code: string,
  more: object = {},
  headers: Record<string, string> = {},
): Response => reply(status, { code, ...more }, headers)

export interface Page {
  orq: Orq
  posts: Posted[]
  decisions: string[]
}

export interface World {
  clock: FakeClock
  storage: ReturnType<typeof fakeStorage>
  posts: Posted[]
  /** Answers in the order of requests; delivered when empty. */
  replies: ((posted: Posted) => Reply)[]
  tokens: () => string | null
  tokenCalls: number
  person: string | null
  /** A page load: a new client on the same storage; `create` makes it, of the built files if nothing else is given. */
  load(options?: ClientOptions, create?: (options: ClientOptions) => Orq): Page
}

/** A browser: its clock, its storage, a proxy that answers as told, and pages that come and go. */
export const createWorld = (): World => {
  const clock = fakeClock()
  const storage = fakeStorage()
  const posts: Posted[] = []
  const world: World = {
    clock,
    storage,
    posts,
    replies: [],
    tokenCalls: 0,
    person: 'user_1',
    tokens: () => (world.person === null ? null : tokenFor(world.person)),
    load: (options = {}, create = createOrq) => {
      const orq = create({
        proxyUrl: 'https://app.example/orq',
        token: () => {
          world.tokenCalls++
          return world.tokens()
        },
        storage,
        clock,
        fetch: async (input, init) => {
          const request = new Request(input, init)
          const [client = '', number, force] = (request.headers.get('orq-update-id') ?? '').split('.')
          const posted: Posted = {
            body: await request.json(),
            token: request.headers.get('authorization') ?? '',
            client,
            number: Number(number),
            force: force === 'force',
            keepalive: request.keepalive,
            at: clock.now(),
          }
          posts.push(posted)
          const answer = world.replies.shift()?.(posted) ?? delivered()
          if (answer instanceof Error) throw answer
          if (answer === 'hang')
            return new Promise((_, reject) =>
              request.signal.addEventListener('abort', () => reject(new Error('aborted'))),
            )
          return answer
        },
        ...options,
      })
      const decisions: string[] = []
      orq.on('decision', ({ kind, reason }) => decisions.push(reason ? `${kind}: ${reason}` : kind))
      return { orq, posts, decisions }
    },
  }
  return world
}
