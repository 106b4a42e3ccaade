import type { Contact } from '../core/contact.ts'
import type { Clock, Fetch, KeyValueStore } from '../core/ports.ts'
import { createProxy } from '../proxy/proxy.ts'
import type { StoredContact } from './contact-table.ts'
import { createContactsApi } from './contacts-api.ts'
import { type FakeClock, fakeClock, fewTurns } from './fake-clock.ts'
import type { FaultMode } from './faults.ts'
import { createMemoryTable } from './memory-table.ts'

/** One browser, the app's token route, a proxy and the contacts API, all in this process. */
export interface TestBackend {
  /** For `createOrq`, `orq.init` or `<OrqProvider>`. Each client with them is another page of the same browser. */
  readonly options: {
    /** A name that nothing resolves (RFC 2606, section 2): no request can leave this process. */
    proxyUrl: string
    /** A token of five minutes for whom `signIn` named last. */
    token: () => string | null
    /** The proxy, in this process. */
    fetch: Fetch
    /** The browser's localStorage: what one client leaves, the next one with these options finds. */
    storage: KeyValueStore
    /** The same as `clock` beside it. */
    clock: FakeClock
  }
  /** Moves debounce, back-offs, expiry and the fault `slow`. `advance` waits for what is on the wire. */
  readonly clock: FakeClock
  /** What the proxy was sent, in order. */
  readonly requests: readonly Contact[]
  /** Whose token the next page or call gets; null: nobody's, as when signed out. */
  signIn(externalId: string | null): void
  /** What the contacts API has, newest first. */
  contacts(): StoredContact[]
  /**
   * How the contacts API behaves from now on: `ok`, `down` (503), `slow` (5 s of `clock`), `rate_limited` (429), or
   * `refuse_email` and the like for one field (422), which the page is told as `dropped: rejected`.
   */
  setFault(mode: FaultMode): void
}

const apiKey = 'key'
const tokenLifeMs = 5 * 60_000

const memoryStorage = (): KeyValueStore => {
  const values = new Map<string, string>()
  return {
    get: (key) => values.get(key),
    set: (key, value) => void (value === undefined ? values.delete(key) : values.set(key, value)),
  }
}

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/**
 * Everything behind `identify`, without a socket: give its `options` to your own code, call it, and look at `contacts()`.
 * Nothing has to be closed.
 * @param externalId who is signed in at first; null, the default: nobody
 */
export const createTestBackend = (externalId: string | null = null): TestBackend => {
  // The chunk is loaded beforehand: a fake clock does not wait for a disk.
  const loading = import('../client/engine/engine.ts')
  let person = externalId
  let onWire = 0
  /** Of those, how many the fault `slow` holds until the clock moves. */
  let held = 0

  const settle = async (): Promise<void> => {
    await loading
    // Bounded, as what waits for another timer of the clock ends by that alone.
    for (let turns = 0; turns === 0 || (onWire > held && turns < 100); turns++) await fewTurns()
  }
  const clock = fakeClock({ settle })
  const slowClock: Clock = {
    ...clock,
    after: (ms, task) => {
      held++
      let isOver = false
      const end = (): void => {
        if (!isOver) held--
        isOver = true
      }
      const cancel = clock.after(ms, () => {
        end()
        task()
      })
      return () => {
        end()
        cancel()
      }
    },
  }

  const table = createMemoryTable(clock)
  const api = createContactsApi({ apiKey, table, clock: slowClock })
  const tokens = new Map<string, { subject: string; until: number }>()
  const requests: Contact[] = []
  const proxy = createProxy({
    verify: (text) => {
      const token = tokens.get(text)
      if (!token) return undefined
      return clock.now() < token.until ? { subject: token.subject } : 'expired'
    },
    upstream: {
      apiKey,
      serverUrl: 'https://api.invalid',
      fetch: (url, init) => api.fetch(new Request(url, init)),
    },
    subjectLimit: 0,
    addressLimit: 0,
    clock,
  })

  const fetch: Fetch = async (url, init) => {
    onWire++
    try {
      const request = new Request(url, init)
      requests.push(await request.clone().json())
      return await proxy.fetch(request)
    } finally {
      onWire--
    }
  }

  /** In a JWT's form, as the page reads the subject and the times; the proxy above knows it by heart. */
  const token = (): string | null => {
    if (person === null) return null
    const until = clock.now() + tokenLifeMs
    const claims = { sub: person, iat: clock.now() / 1_000, exp: until / 1_000 }
    const text = `${base64url({ alg: 'none' })}.${base64url(claims)}.`
    tokens.set(text, { subject: person, until })
    return text
  }

  return {
    options: { proxyUrl: 'https://app.invalid/orq', token, fetch, storage: memoryStorage(), clock },
    clock,
    requests,
    signIn: (id) => {
      person = id
    },
    contacts: () => table.list({ limit: Number.POSITIVE_INFINITY }).data,
    setFault: api.setFault,
  }
}
