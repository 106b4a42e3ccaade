/**
 * Why a call is kept, and what makes it go again.
 *
 * Quiet, as nothing is wrong: `offline`: the browser says that it has no network; at its `online` event. `no_token`: nobody is
 * signed in; at the next call or page load.
 *
 * With a console error that names the cause: `other_person`: the token names somebody else; when this person is identified
 * with a token of their own. `token_refused`: the proxy refuses the token, also after a renewal. `token_source`: the token
 * route or function failed. `unreachable`: no answer, or one that is not the proxy's (a login page, a captive portal).
 *
 * Tried again after a back-off: `rate_limited`: the proxy's 429; when its Retry-After has passed. `server`: the proxy's 5xx.
 * `timeout`: no answer within `timeoutMs`, or none yet when `settleMs` was over.
 */
export type PendingReason =
  | 'offline'
  | 'no_token'
  | 'other_person'
  | 'token_refused'
  | 'token_source'
  | 'unreachable'
  | 'rate_limited'
  | 'server'
  | 'timeout'

/**
 * Why a call is given up.
 * `invalid`: no JSON, or beyond the limits of a contact; the console says which field. `rejected`: the proxy will never
 * take it. `denied`: consent was refused. `before_send`: your own function dropped it. `reset`: the person signed out before
 * it was sent. `closed`: the client was closed. `no_page`: on a server, without an absolute `proxyUrl`.
 */
export type DroppedReason = 'invalid' | 'rejected' | 'denied' | 'before_send' | 'reset' | 'closed' | 'no_page'

/** What every outcome may say beside its status. */
interface Refused {
  /**
   * Fields that were refused for good, in the names of the wire: by the token's `fields`, or by their value. The status is that of all
   * others. They are not sent again until their value changes or `dedupeTtlMs` has passed.
   */
  refused?: string[] | undefined
}

/** Nothing is left to be done for this call. */
interface DoneOutcome extends Refused {
  /** `delivered`: the contacts API has confirmed it. `accepted`: the proxy has it on disk. `duplicate`: acknowledged before. */
  status: 'delivered' | 'accepted' | 'duplicate'
  /** None: all is well. */
  reason?: undefined
}

/** In the outbox: it may still be delivered, by this page or a later one. */
interface PendingOutcome extends Refused {
  /** Kept, and tried again. */
  status: 'pending'
  /** Why it is kept. */
  reason: PendingReason
}

/** For the caller to fix, or meant so. */
interface DroppedOutcome extends Refused {
  /** Never sent again. */
  status: 'dropped'
  /** Why it is given up. */
  reason: DroppedReason
}

/** What became of a call. */
export type Outcome = DoneOutcome | PendingOutcome | DroppedOutcome

export const pending = (reason: PendingReason): Outcome => ({ status: 'pending', reason })
export const dropped = (reason: DroppedReason): Outcome => ({ status: 'dropped', reason })
