import type { Contact } from '../core/contact.ts'
import type { Clock, Fetch, KeyValueStore } from '../core/ports.ts'
import type { RetryConfig } from '../core/retry.ts'

/**
 * What the person has said to being identified. `granted`: calls go on their way. `pending`: not known yet; calls wait
 * in memory in their order, storage is neither read nor written, and no token is asked for. `denied`: calls are
 * dropped, and what is stored is erased. Kept nowhere: tell it on every page load.
 */
export type Consent = 'granted' | 'pending' | 'denied'

/**
 * A token, or a function that gets one and is told for whom; null, undefined and '' mean that nobody is signed in. A throw,
 * a rejection or anything else is a mistake: the call is `pending: token_source` and tried again, and the console says so. The
 * token is the text that goes behind `Bearer` (RFC 6750, section 2.1); of a JWT the page reads who and how long, and
 * verifies nothing.
 */
export type TokenSource =
  | string
  | ((externalId?: string) => string | null | undefined | Promise<string | null | undefined>)

/**
 * How a client works. Read once, by `init`. Texts do where a number is asked for, as a script tag has nothing else. A value
 * of another kind, or beyond the range, throws a RangeError that names the option and what it may be.
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
   * nears its end or was refused; a text is not, so that its first 401 is `pending: token_refused`.
   * @defaultValue none
   */
  token?: TokenSource | undefined
  /**
   * A URL of yours that answers a POST with `{ "token": "…" }`, in place of `token`; 204 and 401 mean signed out.
   * Cookies go along where it is on the page's own origin. Any other answer is `pending: token_source`, and the console says so.
   * @defaultValue `token` below `proxyUrl`, when that is on the page's origin
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
  /** Prints each decision as a line, without personal data. @defaultValue false */
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
