import type { Backoff } from './backoff.ts'
import type { Decision, Emit } from './decisions.ts'
import type { OpenCall } from './open-call.ts'
import type { DroppedReason, PendingReason } from './outcome.ts'
import type { InFlight, Post } from './post.ts'
import type { Settings } from './settings.ts'
import type { StateStore } from './state.ts'
import type { Token, Tokens } from './tokens.ts'
import type { WaitingFields } from './waiting-fields.ts'
import type { WarnOnce } from './warn-once.ts'

/** What the core hands to the chunk. */
export interface EngineContext {
  readonly settings: Settings
  readonly store: StateStore
  readonly backoff: Backoff
  readonly tokens: Tokens
  readonly post: Post
  readonly emit: Emit
  readonly warnOnce: WarnOnce
  /** False while consent is not given or after `close`. */
  readonly mayRun: () => boolean
  /** The person of the last call on this page. */
  readonly person: () => string | undefined
  readonly tokenMatches: (token: Token, id: string) => boolean
  /** Opens a promise that ends by itself after `settleMs`. */
  readonly open: (id: string) => OpenCall
}

/** All that happens to what waits, once the chunk is here. */
export interface Engine {
  /** The last failure, which a call is told that has waited long enough. */
  lastFailure(): PendingReason
  /** Takes over what the core has kept, and what a page that is being left has sent. */
  adopt(calls: ReadonlyMap<string, OpenCall>, onWire: ReadonlyMap<string, InFlight>): void
  /** What waits for this contact or is on the wire, in this tab. */
  waiting(id: string): WaitingFields
  /** Joins fields to what waits. @returns the promise of the update that carries them */
  take(id: string, fields: WaitingFields): OpenCall
  /** Takes up what is stored for a contact whose person is here again. */
  takeUp(id: string): void
  /** Tries all that is on no wire. News end a wait that no server ordered. */
  sendAll(isNews?: boolean): void
  /** Sends at once what the token at hand speaks for; synchronous until `fetch` has been called. */
  leave(): void
  flush(): Promise<void>
  /** Ends every timer, and gives up all that waits. */
  forget(reason: DroppedReason): void
}

/** What the chunk exports. Not to be trusted before its version has been compared: it may be of another build. */
export interface EngineModule {
  contractVersion: number
  describeDecision(decision: Decision): string
  describeProblem(path: string, key: string | undefined): string
  createEngine(context: EngineContext): Engine
}

/** @param proxyUrl where the chunk may be, if not beside the code that asks for it */
export type LoadEngine = (proxyUrl: string) => Promise<EngineModule>
