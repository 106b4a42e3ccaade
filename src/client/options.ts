import type { Contact } from '../core/contact.ts'
import { type Clock, type Fetch, type KeyValueStore, systemClock } from '../core/ports.ts'
import type { RetryConfig } from '../core/retry.ts'

export type Consent = 'granted' | 'pending' | 'denied'

/** A token, or null, undefined or '' when nobody is signed in. */
export type TokenSource = string | (() => string | null | undefined | Promise<string | null | undefined>)

export interface ClientOptions {
  /**
   * Folder of your proxy; contacts are posted to `${proxyUrl}/v2/contacts`. Never the contacts API itself.
   * @defaultValue '/orq'; in a script tag the script's own folder when that is on the page's origin
   */
  proxyUrl?: string | URL | undefined
  /**
   * The scoped token of the signed-in person, or a function that gets one; a function is called again when the token
   * has expired or was refused. When it throws or rejects, the contact waits in the outbox.
   */
  token?: TokenSource | undefined
  /** In place of `token`: a URL of yours that answers a POST with `{ "token": "…" }`; 204, 401 or 403 mean signed out. */
  tokenUrl?: string | URL | undefined
  /** The claim of the token that names the person. @defaultValue 'sub' */
  subjectClaim?: string | undefined
  /** Quiet time before a change is sent, in milliseconds. 0 sends on the next task. @defaultValue 250 */
  debounceMs?: number | undefined
  /** The longest that continuous calls put off a request, in milliseconds. @defaultValue 2000 */
  maxWaitMs?: number | undefined
  /** How long an acknowledged value counts as known, in milliseconds. @defaultValue 86400000, a day */
  dedupeTtlMs?: number | undefined
  /** Where unacknowledged fields wait. With 'memory' they are lost when the page goes. @defaultValue 'local' */
  outbox?: 'local' | 'memory' | undefined
  /** How long unacknowledged fields are kept, in milliseconds. @defaultValue 604800000, 7 days */
  outboxTtlMs?: number | undefined
  /** When a failed request is tried again. */
  retries?: RetryConfig | undefined
  /** The longest that one attempt, or one call of `token`, may take, in milliseconds. @defaultValue 10000 */
  timeoutMs?: number | undefined
  /** The longest that `identify`'s promise stays open, in milliseconds. @defaultValue 12000 */
  settleMs?: number | undefined
  /** `pending` keeps calls in memory and touches nothing; `denied` forgets. @defaultValue 'granted' */
  consent?: Consent | undefined
  /** Take Global Privacy Control or Do Not Track as denied consent. @defaultValue false */
  respectPrivacySignals?: boolean | undefined
  /**
   * Sees every contact before it is stored, hashed or sent, and returns what may be. Synchronous; null or a throw
   * drops the call.
   */
  beforeSend?: ((contact: Contact) => Contact | null | undefined) | undefined
  /** Prints each decision to the console, without personal data. @defaultValue false */
  debug?: boolean | undefined
  /** In place of the global `fetch`. */
  fetch?: Fetch | undefined
  /** In place of `localStorage`, which servers and blocked pages lack: there, memory. */
  storage?: KeyValueStore | undefined
  /** In place of the system's clock. */
  clock?: Clock | undefined
}

/** Every other default stands where the option is read. `proxyUrl` is absolute and has no slash at its end. */
export type Settings = ClientOptions & { clock: Clock; fetch: Fetch; proxyUrl: string; tokenUrl?: string | undefined }

/** @throws RangeError naming the option and what to give */
export const toSettings = (options: ClientOptions): Settings => {
  const settings: Record<string, unknown> = {
    clock: systemClock,
    // Looked up at each call: pages and extensions replace the global one after we have started.
    fetch: (url: string, init?: RequestInit) => fetch(url, init),
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
