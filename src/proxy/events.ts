import type { UpsertResult } from '../upstream/upsert.ts'

/**
 * What happens inside, for logs and metrics: no field value, token, key or text of upstream. `externalId` names a
 * person: write no more than a hash of it anywhere.
 */
export type ProxyEvent =
  /** An update was handed to the store. `failed`: it could not take it. */
  | { type: 'put'; result: 'stored' | 'unchanged' | 'superseded' | 'revoked' | 'failed'; ms: number }
  /** Upstream was called; `status` is undefined when there was no answer. */
  | { type: 'call'; result: UpsertResult['kind']; status: number | undefined; ms: number; externalId: string }
  /** Upstream will never take these fields. */
  | { type: 'parked'; externalId: string; fields: readonly string[]; reason: string }
  /**
   * Upstream asked for a pause; or five contacts in a row failed: one call at a time until one passes; or three contacts
   * in a row were turned away, probably for our key or path: somebody has to mend that.
   */
  | { type: 'paused'; why: 'retry_after' | 'failing' | 'blocked'; ms: number }
  /** Calls are made as usual again. */
  | { type: 'resumed' }
  /** A token was refused. */
  | { type: 'refused'; code: string }

export type EventListener = (event: ProxyEvent) => void
