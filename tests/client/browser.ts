import type { ClientOptions, Orq } from '../../src/index.ts'
import { type FakeClock, fakeClock } from '../clock.ts'
import { createOrq, fakeStorage, tokenFor } from './harness.ts'
import { chunkOfOtherBuild, noChunk } from './look.ts'

/** What the network and the proxy do to a request. `lost`: written, but the answer never arrives. */
export type Weather =
  | 'fine'
  | 'lost'
  | 'down'
  | 'unreachable'
  | 'limited'
  | 'unauthorized'
  | 'html'
  | 'gateway error'
  | 'keepalive used up'

/** Whether a page gets its chunk, gets none, or gets the one of another build. */
export type Chunk = 'here' | 'missing' | 'other build'
const makers = { here: createOrq, missing: noChunk, 'other build': chunkOfOtherBuild }

export interface Tab {
  orq: Orq
  /** The tab goes to the background, or its page is left. */
  leave(): void
  show(): void
  /** An event of the window, such as `online`. */
  hear(type: string): void
}

/** A proxy that keeps section 3's rules: scope, numbers, and what was written for whom in which order. */
const createProxy = () => {
  const contacts = new Map<string, Record<string, unknown>>()
  const numbers = new Map<string, number>()
  return {
    contacts,
    write: (id: string, subject: string, updateId: string, fields: Record<string, unknown>): [number, object] => {
      if (id !== subject) return [403, { code: 'scope_mismatch' }]
      const [client, number, force] = updateId.split('.') as [string, string, string?]
      const key = `${id}/${client}`
      const last = numbers.get(key) ?? 0
      if (!force && Number(number) < last) return [409, { code: 'superseded', number: last }]
      numbers.set(key, Math.max(last, Number(number)))
      contacts.set(id, { ...contacts.get(id), ...fields })
      return [200, { external_id: id, status: 'delivered' }]
    },
  }
}

/** One browser with several tabs of one site: shared storage and Web Locks, one session, one proxy. */
export const createBrowser = (options: ClientOptions = {}) => {
  const clock: FakeClock = fakeClock()
  const storage = fakeStorage()
  const proxy = createProxy()
  const state = { weather: 'fine' as Weather, session: undefined as string | undefined, isOnline: true }
  const requests: { body: Record<string, unknown>; subject: string }[] = []
  const inFlight = new Map<string, number>()
  let overlaps = 0

  let tail: Promise<unknown> = Promise.resolve()
  const locks = {
    request: (_: string, { signal }: { signal: AbortSignal }, task: () => Promise<void>): Promise<void> =>
      new Promise((resolve, reject) => {
        let isWaiting = true
        signal.addEventListener('abort', () => isWaiting && reject(new Error('aborted')))
        tail = tail.then(() => {
          isWaiting = false
          return signal.aborted ? undefined : task().then(resolve)
        })
      }),
  }
  Object.defineProperty(globalThis, 'navigator', {
    configurable: true,
    value: {
      locks,
      get onLine() {
        return state.isOnline
      },
    },
  })

  const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init)
    const body = (await request.json()) as Record<string, unknown>
    const id = body.external_id as string
    const text = (request.headers.get('authorization') ?? '').split('.')[1] as string
    const { sub } = JSON.parse(Buffer.from(text, 'base64url').toString())
    requests.push({ body, subject: sub })
    const flying = (inFlight.get(id) ?? 0) + 1
    inFlight.set(id, flying)
    if (flying > 1) overlaps++
    const { weather } = state
    await new Promise<void>((resolve) => clock.after(30, resolve))
    inFlight.set(id, (inFlight.get(id) as number) - 1)
    const respond = (status: number, answer: object, headers = {}) =>
      new Response(JSON.stringify(answer), { status, headers })
    if (!state.isOnline || weather === 'unreachable') throw new TypeError('network')
    if (weather === 'down') return respond(503, { code: 'upstream_unavailable' })
    if (weather === 'limited') return respond(429, { code: 'rate_limited' }, { 'retry-after': '2' })
    if (weather === 'unauthorized') return respond(401, { code: 'token_expired' })
    if (weather === 'keepalive used up' && request.keepalive) throw new TypeError('network')
    if (weather === 'gateway error')
      return new Response('<h1>502</h1>', { status: 502, headers: { 'retry-after': '1' } })
    if (weather === 'html') return new Response('<!doctype html>', { status: 200 })
    const { external_id, ...fields } = body
    const answer = proxy.write(external_id as string, sub, request.headers.get('orq-update-id') as string, fields)
    if (weather === 'lost') throw new TypeError('network')
    return respond(...answer)
  }

  /** Opens a page: its own document and window, the browser's everything else. */
  const open = (more: ClientOptions = {}, chunk: Chunk = 'here'): Tab => {
    const page = Object.assign(new EventTarget(), { visibilityState: 'visible' })
    const frame = new EventTarget()
    // It bubbles from the document to the window.
    const turn = (visibilityState: string): void => {
      page.visibilityState = visibilityState
      Object.assign(globalThis, { document: page })
      frame.dispatchEvent(new Event('visibilitychange'))
    }
    Object.assign(globalThis, { document: page, addEventListener: frame.addEventListener.bind(frame) })
    const orq = makers[chunk]({
      proxyUrl: 'https://app.example/orq',
      token: async () => {
        await new Promise<void>((resolve) => clock.after(20, resolve))
        if (!state.isOnline) throw new TypeError('network')
        return state.session === undefined ? null : tokenFor(state.session)
      },
      fetch,
      storage,
      clock,
      ...options,
      ...more,
    })
    return {
      orq,
      leave: () => turn('hidden'),
      show: () => turn('visible'),
      hear: (type) => void frame.dispatchEvent(new Event(type)),
    }
  }

  return { clock, storage, proxy, state, requests, open, overlaps: () => overlaps }
}
