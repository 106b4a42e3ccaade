export type PendingReason = 'offline' | 'no_token' | 'unreachable' | 'rate_limited' | 'server' | 'timeout'
export type DroppedReason = 'invalid' | 'rejected' | 'denied' | 'before_send' | 'reset' | 'closed'

/**
 * What became of a call.
 * `delivered`: the contacts API has confirmed it. `accepted`: the proxy has it on disk. `duplicate`: acknowledged
 * before, nothing sent. `pending`: kept, and tried again. `dropped`: never sent again.
 */
export type Outcome =
  | { status: 'delivered' | 'accepted' | 'duplicate'; reason?: never }
  | { status: 'pending'; reason: PendingReason }
  | { status: 'dropped'; reason: DroppedReason }

export const pending = (reason: PendingReason): Outcome => ({ status: 'pending', reason })
export const dropped = (reason: DroppedReason): Outcome => ({ status: 'dropped', reason })
