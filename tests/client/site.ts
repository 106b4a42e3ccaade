import { onTestFinished, vi } from 'vitest'
import type { ClientOptions, Orq, Outcome } from '../../src/index.ts'
import { type FakeClock, fakeClock } from '../clock.ts'
import { createOrq, delivered, fakeStorage, reply, tokenFor } from './harness.ts'

/** A request as the network sees it. */
export interface Asked {
  url: string
  method: string
  credentials: RequestCredentials
  cache: RequestCache
  redirect: RequestRedirect
  keepalive: boolean
  bearer: string
  number: number
  body: Record<string, unknown>
}

/** What a redirect looks like to a page that does not follow it. */
export const redirected = (): Response =>
  Object.defineProperties(new Response(), {
    type: { value: 'opaqueredirect' },
    status: { value: 0 },
    ok: { value: false },
  })

/** What the console gets. Nothing of it is printed. */
export const watchConsole = (): { errors: string[]; warnings: string[]; all(): string[] } => {
  const errors: string[] = []
  const warnings: string[] = []
  vi.spyOn(console, 'error').mockImplementation((text) => void errors.push(String(text)))
  vi.spyOn(console, 'warn').mockImplementation((text) => void warnings.push(String(text)))
  onTestFinished(() => void vi.restoreAllMocks())
  return { errors, warnings, all: () => [...errors, ...warnings] }
}

/** Sets globals for one test. */
export const withGlobals = (globals: Record<string, unknown>): void => {
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
  onTestFinished(() => void vi.unstubAllGlobals())
}

export const told = ({ status, reason }: Outcome): string => (reason ? `${status}: ${reason}` : status)

export interface Site {
  clock: FakeClock
  storage: ReturnType<typeof fakeStorage>
  /** Requests to the token route, and to the proxy. */
  tokens: Asked[]
  posts: Asked[]
  /** What the token route answers. An error: the network fails. */
  token(asked: Asked): Response | Error | Promise<Response>
  proxy(asked: Asked): Response | Error | Promise<Response>
  /** Loads a page. Its token comes from the route, unless the options say otherwise. */
  open(options?: ClientOptions): Orq
  /** Lets time pass, and gives the outcome so far. */
  outcomeOf(call: Promise<Outcome>, ms?: number): Promise<string>
}

/**
 * A site with a token route and a proxy, and a page at an address.
 * @param href the page's address
 */
export const createSite = (href = 'https://app.example/page'): Site => {
  withGlobals({ location: new URL(href), origin: new URL(href).origin })
  const site: Site = {
    clock: fakeClock(),
    storage: fakeStorage(),
    tokens: [],
    posts: [],
    token: () => reply(200, { token: tokenFor('user_1') }),
    proxy: delivered,
    open: (options = {}) =>
      createOrq({
        proxyUrl: '/orq',
        storage: site.storage,
        clock: site.clock,
        fetch: async (input, init) => {
          const request = new Request(input, init)
          const { url, method, credentials, cache, redirect, keepalive, headers } = request
          const text = await request.text()
          const asked: Asked = {
            url,
            method,
            credentials,
            cache,
            redirect,
            keepalive,
            bearer: headers.get('authorization') ?? '',
            number: Number((headers.get('orq-update-id') ?? '').split('.')[1]),
            body: text ? JSON.parse(text) : {},
          }
          const isPost = headers.has('orq-update-id')
          ;(isPost ? site.posts : site.tokens).push(asked)
          const answer = await (isPost ? site.proxy(asked) : site.token(asked))
          if (answer instanceof Error) throw answer
          return answer
        },
        ...options,
      }),
    outcomeOf: async (call, ms = 30_000) => {
      let outcome = 'open'
      call.then((value) => {
        outcome = told(value)
      })
      await site.clock.advance(ms)
      return outcome
    },
  }
  return site
}
