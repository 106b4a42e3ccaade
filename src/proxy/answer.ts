import { type AcceptedStatus, type RefusalCode, statusOf } from '../core/wire.ts'

/** Why a request is refused. Thrown by the steps of the proxy, caught once. Holds no field value, token or key. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: RefusalCode
  readonly details: { path?: string; number?: number; hint?: string }
  readonly headers: Record<string, string>
  constructor(code: RefusalCode, details: Refusal['details'] = {}, headers: Record<string, string> = {}) {
    super(code)
    this.code = code
    this.details = details
    this.headers = headers
  }
}

/** Headers of every answer of the route: no cache keeps it, whoever shares one. */
const fixed = {
  'cache-control': 'no-store',
  'content-type': 'application/json',
  vary: 'Origin',
  'x-content-type-options': 'nosniff',
}

export interface Accepted {
  external_id: string
  status: AcceptedStatus
  _id?: string | undefined
  updated?: string | undefined
}

export const acceptedAnswer = (body: Accepted, cors: Record<string, string>): Response =>
  new Response(JSON.stringify(body), {
    status: body.status === 'delivered' ? 200 : 202,
    headers: { ...fixed, ...cors },
  })

export const refusalAnswer = ({ code, details, headers }: Refusal, cors: Record<string, string>): Response => {
  const status = statusOf[code]
  const extra: Record<string, string> = {}
  if (status === 401) extra['www-authenticate'] = 'Bearer'
  // The rest of a body that was not read must not be taken for a next request.
  if (status === 400 || status === 408 || status === 413) extra.connection = 'close'
  // Nothing was accepted, and asking again may help.
  if (status === 408 || status === 429 || status >= 500) extra['retry-after'] = '1'
  return new Response(JSON.stringify({ code, ...details }), {
    status,
    headers: { ...fixed, ...cors, ...extra, ...headers },
  })
}
