import { describe, test } from 'vitest'
import { deploy, expectWrong, listed } from './examine.ts'
import { type Front, isRoute, withHeaders, without } from './front.ts'

const deployed = deploy()

describe('an origin that is let in or kept out wrongly is a line that says how to fix it, and exit status 1', () => {
  test.each<[string, Front, string[], RegExp]>([
    [
      'a front that drops both headers of the table',
      { incoming: without('origin', 'sec-fetch-site') },
      [],
      /^origin table: a page of another site should be refused: answered 401 token_missing; let Origin/,
    ],
    [
      'CORS for everybody',
      { outgoing: withHeaders(isRoute, { 'access-control-allow-origin': '*' }) },
      [],
      /^cors: a stranger’s page may read answers; leave CORS headers to the proxy/,
    ],
    [
      'preflights that a front answers',
      { incoming: ({ method }) => (method === 'OPTIONS' ? { status: 204 } : undefined) },
      [],
      /^preflight: of a stranger: answered 204 .*leave CORS headers/,
    ],
    [
      'an origin that is not listed',
      {},
      ['--origin', 'https://other.example'],
      /^route: .* 403 origin_forbidden; add https:\/\/other\.example to ORQ_ALLOWED_ORIGINS/,
    ],
    [
      'a preflight without our header',
      {
        outgoing: withHeaders(({ method }) => method === 'OPTIONS', {
          'access-control-allow-headers': 'authorization',
        }),
      },
      ['--origin', listed],
      /^preflight: of https:\/\/pages\.example: answered 204, without content-type, orq-update-id; /,
    ],
    [
      'a Retry-After that pages cannot read',
      { outgoing: withHeaders(isRoute, { 'access-control-expose-headers': undefined }) },
      ['--origin', listed],
      /^cors: Retry-After is not exposed/,
    ],
    [
      'answers that pages of a listed origin cannot read',
      { outgoing: withHeaders(({ method }) => method === 'POST', { 'access-control-allow-origin': undefined }) },
      ['--origin', listed],
      /^cors: https:\/\/pages\.example may not read an answer/,
    ],
  ])('%s', async (_, front, args, expected) => {
    expectWrong(await deployed.examineBehind(front, args), expected)
  })
})
