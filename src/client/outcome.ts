/**
 * Why a call is kept, and what makes it go again.
 * `offline`: the browser has no network; at its `online` event. `no_token`: nobody is signed in, or a renewed token was
 * refused too; at the next call or page load. `unreachable`: no answer, one that is not the proxy's (a login page, a
 * captive portal), or the token's source failed. `rate_limited`: the proxy's 429; when its Retry-After has passed.
 * `server`: the proxy's 5xx. `timeout`: no answer within `timeoutMs`, or none yet when `settleMs` was over. The last
 * four are tried again after a back-off.
 */
export type PendingReason = 'offline' | 'no_token' | 'unreachable' | 'rate_limited' | 'server' | 'timeout'
/**
 * Why a call is given up.
 * `invalid`: no JSON, or beyond the limits of a contact; the console says which field. `rejected`: the proxy will never
 * take it, for a field that the token forbids, say. `denied`: consent was refused. `before_send`: your own function
 * dropped it. `reset`: the person signed out before it was sent. `closed`: the client was closed.
 */
export type DroppedReason = 'invalid' | 'rejected' | 'denied' | 'before_send' | 'reset' | 'closed'

/**
 * What became of a call.
 * `delivered`: the contacts API has confirmed it. `accepted`: the proxy has it on disk. `duplicate`: acknowledged
 * before, nothing sent. `pending`: kept, and tried again. `dropped`: never sent again.
 */
export type Outcome =
  /** Nothing is left to be done for this call. */
  | { status: 'delivered' | 'accepted' | 'duplicate'; reason?: never }
  /** In the outbox: it may still be delivered, by this page or a later one. */
  | { status: 'pending'; reason: PendingReason }
  /** For the caller to fix, or meant so. */
  | { status: 'dropped'; reason: DroppedReason }

export const pending = (reason: PendingReason): Outcome => ({ status: 'pending', reason })
export const dropped = (reason: DroppedReason): Outcome => ({ status: 'dropped', reason })
