import type { Decision } from './decisions.ts'
import type { LoadEngine } from './engine-context.ts'
import type { ClientOptions, Consent } from './options.ts'
import type { Outcome } from './outcome.ts'
import type { AnyObject, IdentifyArguments } from './user.ts'

/**
 * The client of one page, for one proxy. Every method may be called at any time, detached from the object too; none but
 * `init` throws, and before `init` none has an effect outside: no listener, timer, request or access to storage.
 */
export interface Orq {
  /**
   * Starts. Calls made before are replayed in their order. A second call with other options is ignored with one warning.
   * @throws RangeError naming the option
   */
  init(options?: ClientOptions): void
  /**
   * Says who this is. Never throws, never rejects; settles within `settleMs`. An absent field is kept upstream, null, `[]`
   * and `{}` clear, and `metadata` is replaced as a whole. The values are those at the time of the call.
   *
   * Takes a user, or in the way of analytics libraries an id and traits: `name`, `avatar` and a contact's own fields are
   * taken for these, every other trait joins `metadata`, which is replaced as a whole where those libraries merge.
   */
  identify<Metadata extends object = Record<string, unknown>, OwnTraits extends AnyObject = object>(
    ...args: IdentifyArguments<Metadata, OwnTraits>
  ): Promise<Outcome>
  /**
   * Signed out: forgets person, token, ledger and outbox, in every tab. What waits is `dropped: reset`; what is on the wire
   * ends with an outcome of its own and is not repeated. Consent stays.
   */
  reset(): void
  /** Sends what waits now, without the debounce; resolves when nothing can be sent any more. Never rejects. */
  flush(): Promise<void>
  /** Sends what can be sent at once, then ends for good: no listener or timer; later calls are `dropped: closed`. */
  close(): void
  /** What the person has decided since `init`, or before it: then the option `consent` no longer counts. */
  consent(state: Consent): void
  /** The last decision of each contact of this page's life, or of the one with this id, for a look from the console. */
  explain(externalId?: string): Decision[]
  /** Hears every decision as it is made. What the listener throws goes to the console. @returns ends the listening */
  on(event: 'decision', listener: (decision: Decision) => void): () => void
}

/** What differs between the doors. */
export interface Door {
  load: LoadEngine
  /** Where the proxy is when nobody says; '' where that cannot be known. */
  guessProxyUrl?: () => string
}

/** `init` of the door's own is replaced by the page's, until something is called. */
export interface Client extends Orq {
  init(options?: ClientOptions, isByTag?: boolean): void
}
