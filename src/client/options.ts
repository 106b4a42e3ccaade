import type { Contact } from '../core/contact.ts'
import { type Clock, type Fetch, type KeyValueStore, systemClock } from '../core/ports.ts'
import type { RetryConfig } from '../core/retry.ts'

/**
 * What the person has said to being identified. `granted`: calls go on their way. `pending`: not known yet; calls wait
 * in memory in their order, storage is neither read nor written, and no token is asked for. `denied`: calls are
 * dropped, and what is stored is erased. Kept nowhere: tell it on every page load.
 */
export type Consent = 'granted' | 'pending' | 'denied'

/**
 * A token, or a function that gets one; null, undefined and '' mean that nobody is signed in. A throw or a rejection
 * means that it is not known now: the call is `pending: unreachable` and tried again. The token is the text that goes
 * behind `Bearer` (RFC 6750, section 2.1); of a JWT the page reads who and how long, and verifies nothing.
 */
export type TokenSource = string | (() => string | null | undefined | Promise<string | null | undefined>)

/**
 * How a client works. Read once, by `init`. Texts do where a number is asked for, as a script tag has nothing else;
 * a URL that is none and a time that is no number from 0 on throw a RangeError that names the option.
 */
export interface ClientOptions {
  /**
   * Folder of your proxy; contacts are posted to `v2/contacts` below it. Never the contacts API itself: a page must not
   * hold an API key. A relative one begins at the page's address.
   * @defaultValue '/orq'; in a script tag the script's own folder, when that is on the page's origin
   */
  proxyUrl?: string | URL | undefined
  /**
   * The scoped token of the signed-in person, or a function that gets one. A function is called again when the token
   * nears its end or was refused; a text is not, so that its first 401 is `pending: no_token`.
   * With neither `token` nor `tokenUrl` calls stay `pending: no_token`.
   * @defaultValue none
   */
  token?: TokenSource | undefined
  /**
   * A URL of yours that answers a POST with `{ "token": "…" }`, in place of `token`; 204, 401 and 403 mean signed out.
   * Cookies go along where it is on the page's own origin; a redirect and any other answer count as unreachable.
   * @defaultValue none
   */
  tokenUrl?: string | URL | undefined
  /**
   * The claim of the token that names the person. What waits for one person never goes out with the token of another.
   * @defaultValue 'sub'
   */
  subjectClaim?: string | undefined
  /** Quiet time before a change is sent, in milliseconds. 0 sends on the next task. @defaultValue 250 */
  debounceMs?: number | undefined
  /** The longest that continuous calls put off a request, in milliseconds. @defaultValue 2000 */
  maxWaitMs?: number | undefined
  /**
   * How long an acknowledged value counts as known, in milliseconds. Until then the same value is a `duplicate` and costs
   * no request; 0 sends every call.
   * @defaultValue 86400000
   */
  dedupeTtlMs?: number | undefined
  /**
   * Where unacknowledged fields wait: localStorage, or `'memory'`, which loses them when the page goes. Those are the
   * only values that are ever stored; what is acknowledged leaves no more than a salted hash.
   * @defaultValue 'local'
   */
  outbox?: 'local' | 'memory' | undefined
  /** How long unacknowledged fields are kept, in milliseconds; older ones are never sent. @defaultValue 604800000 */
  outboxTtlMs?: number | undefined
  /**
   * When a failed request is tried again, over page loads too. The proxy's Retry-After comes first, whatever stands here.
   * @defaultValue as in `RetryConfig`
   */
  retries?: RetryConfig | undefined
  /** The longest that one attempt, or one call of `token`, may take, in milliseconds. @defaultValue 10000 */
  timeoutMs?: number | undefined
  /**
   * The longest that `identify`'s promise stays open, in milliseconds, from `init` and consent on. Then it is `pending`
   * with the last failure, and goes on behind the promise.
   * @defaultValue 12000
   */
  settleMs?: number | undefined
  /** What holds until `orq.consent` says otherwise: `pending` touches nothing, `denied` erases. @defaultValue 'granted' */
  consent?: Consent | undefined
  /**
   * Takes Global Privacy Control or Do Not Track of the browser as denied consent. See https://w3c.github.io/gpc/.
   * @defaultValue false
   */
  respectPrivacySignals?: boolean | undefined
  /**
   * Sees every contact before it is stored, hashed or sent, and returns what may be. Synchronous; null or a throw makes
   * the call `dropped: before_send`. What it returns is checked like a call's own contact.
   * @defaultValue none: the contact goes as it is
   */
  beforeSend?: ((contact: Contact) => Contact | null | undefined) | undefined
  /** Prints each decision by `console.debug`, without personal data. @defaultValue false */
  debug?: boolean | undefined
  /**
   * Makes every request, also that for the token. The global one is looked up each time, as pages and extensions replace it.
   * @defaultValue the global `fetch`
   */
  fetch?: Fetch | undefined
  /** Holds ledger and outbox, two small texts per proxy. @defaultValue localStorage; memory where there is none */
  storage?: KeyValueStore | undefined
  /** Tells time and waits, for tests. @defaultValue the system's clock */
  clock?: Clock | undefined
}

/** Every other default stands where the option is read. `proxyUrl` is absolute and has no slash at its end. */
export type Settings = ClientOptions & { clock: Clock; fetch: Fetch; proxyUrl: string; tokenUrl?: string | undefined }

/** @throws RangeError naming the option and what to give */
export const toSettings = (options: ClientOptions): Settings => {
  const settings: Record<string, unknown> = {
    clock: systemClock,
    // Looked up at each call: pages and extensions replace the global one after we have started.
    fetch: (...request: Parameters<Fetch>) => fetch(...request),
  }
  for (let [name, value] of Object.entries(options))
    try {
      if (value && /Url$/.test(name)) value = new URL(value, globalThis.location?.href).href
      if (value !== undefined && /Ms$/.test(name)) {
        // A tag gives texts.
        value = +value
        if (!(value >= 0)) throw name
      }
      settings[name] = value ?? settings[name]
    } catch {
      throw RangeError(`orq: ${name}: give a URL or milliseconds`)
    }
  settings.proxyUrl = (settings.proxyUrl as string).replace(/\/+$/, '')
  return settings as unknown as Settings
}
