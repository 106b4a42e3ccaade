import type { AcceptedStatus, RefusalCode } from '../core/wire.ts'
import type { UpsertResult } from '../upstream/upsert.ts'
import type { Trouble } from './trouble.ts'

/** What the dispatcher asks of a store besides `put`; `upkeep`: what the store does of itself. */
export type StoreOperation = 'claim' | 'look' | 'done' | 'park' | 'retry' | 'release' | 'upkeep'

/**
 * What happens inside, for logs and metrics: no field value, token, key or text of upstream. `externalId` names a
 * person: write no more than a hash of it anywhere. `ms` are milliseconds.
 */
export type ProxyEvent =
  /** An update was handed to the store. `failed`: it could not take it; then `problem` is what a person has to fix, if so. */
  | {
      type: 'put'
      result: 'stored' | 'unchanged' | 'superseded' | 'revoked' | 'failed'
      ms: number
      problem?: string | undefined
    }
  /**
   * The store could not hand out what waits, or record what came of it. Nothing is lost: it is asked again, and what was not
   * recorded is delivered again when its lease has ended. Or its upkeep failed, which is tried again, too.
   */
  | { type: 'store_failed'; operation: StoreOperation; problem?: string | undefined }
  /** Upstream was called; `status` is undefined when there was no answer, and `trouble` says why. */
  | {
      type: 'call'
      result: UpsertResult['kind']
      status: number | undefined
      trouble?: Trouble | undefined
      ms: number
      externalId: string
    }
  /** Upstream has a contact's whole claim, `ms` after the first of its updates was accepted. */
  | { type: 'delivered'; externalId: string; ms: number }
  /** Upstream will never take these fields. */
  | { type: 'parked'; externalId: string; fields: readonly string[]; reason: string }
  /**
   * Upstream asked for a pause; or five contacts in a row failed: one call at a time until one passes; or three contacts
   * in a row were turned away, probably for our key or path: somebody has to fix that.
   */
  | { type: 'paused'; why: 'retry_after' | 'failing' | 'blocked'; ms: number }
  /** A call has passed after whatever pause there was: calls are made as usual again. */
  | { type: 'resumed' }
  /** A token was refused. */
  | { type: 'refused'; code: RefusalCode }
  /** A limit was exceeded: that of a person with a valid token, or of an address without one. */
  | { type: 'limited'; by: 'subject' | 'address' }
  /** The keys of an identity provider cannot be read, so it is not known whether a token is good. */
  | { type: 'unverifiable' }
  /** Something of ours or of `verify` failed; the request was answered 500. `where`: see `nameError`. */
  | { type: 'failed'; where: string }
  /** A request was answered. `externalId` is the token's, once it was found good. */
  | {
      type: 'answered'
      status: number
      code: AcceptedStatus | RefusalCode
      ms: number
      externalId: string | undefined
    }

/** Hears each event while it happens: be quick. What it throws is ignored, for no listener may lose an update. */
export type EventListener = (event: ProxyEvent) => void

/** What listens must not be able to lose an update, whatever it throws. */
export const shieldListener =
  (listener: EventListener): EventListener =>
  (event) => {
    try {
      listener(event)
    } catch {}
  }
