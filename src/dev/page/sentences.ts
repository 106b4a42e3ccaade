import type { Outcome } from './orq.ts'

const pending: Record<Extract<Outcome, { status: 'pending' }>['reason'], string> = {
  offline: 'Kept: the browser is offline. It goes out when the connection is back.',
  no_token:
    'Kept: there is no token for this person, who is not signed in. It goes out once they are identified signed in.',
  other_person: 'Kept: the token names another person. It goes out once this one is identified with their own token.',
  token_refused: 'Kept: the proxy refuses the token. The browser console says why.',
  token_source: 'Kept: the token route failed. The browser console says why. It is tried again.',
  unreachable: 'Kept: the proxy could not be reached. It is tried again.',
  rate_limited: 'Kept: too many requests for now. It is tried again when the wait is over.',
  server: 'Kept: the contacts API cannot take it now. It is tried again, on the next visit too.',
  timeout: 'Kept: no answer in time. It is tried again, on the next visit too.',
}

const dropped: Record<Extract<Outcome, { status: 'dropped' }>['reason'], string> = {
  invalid: 'Dropped: this is no valid contact. The browser console names the field.',
  rejected: 'Dropped: the proxy or the contacts API refused it for good.',
  denied: 'Dropped: there is no consent.',
  before_send: 'Dropped by the page’s own beforeSend.',
  reset: 'Dropped: somebody signed out before it was sent.',
  closed: 'Dropped: the client was closed.',
  no_page: 'Dropped: there is no page here, and no absolute proxyUrl.',
}

/** What became of a call, for a person. */
export const sentenceOf = (outcome: Outcome): string => {
  switch (outcome.status) {
    case 'delivered':
      return 'The contacts API has confirmed it.'
    case 'accepted':
      return 'The proxy has it on disk and delivers it.'
    case 'duplicate':
      return 'Acknowledged before, so nothing was sent.'
    case 'pending':
      return pending[outcome.reason]
    case 'dropped':
      return dropped[outcome.reason]
  }
}
