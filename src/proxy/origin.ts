import { Refusal } from './answer.ts'

/** Whether pages of this origin may write, and the CORS headers of every answer to it. */
export interface OriginCheck {
  isAllowed: boolean
  cors: Record<string, string>
}

/**
 * The token is the authority; this only keeps other sites' pages out. `Sec-Fetch-Site` cannot be set by a page
 * (https://www.w3.org/TR/fetch-metadata/), so same-origin needs no list; Host and the request's URL decide nothing.
 * @param allowed origins, compared byte for byte
 */
export const createOriginCheck = (allowed: readonly string[]): ((headers: Headers) => OriginCheck) => {
  const list = new Set(allowed)
  return (headers) => {
    const origin = headers.get('origin')
    const site = headers.get('sec-fetch-site')
    if (origin !== null && list.has(origin))
      return {
        isAllowed: true,
        cors: { 'access-control-allow-origin': origin, 'access-control-expose-headers': 'Retry-After' },
      }
    return { isAllowed: site === 'same-origin' || (origin === null && site === null), cors: {} }
  }
}

/** A preflight of a listed origin: 204 with what the route takes. What the browser asks for is not reflected. */
export const preflightAnswer = ({ cors }: OriginCheck): Response => {
  if (!cors['access-control-allow-origin']) throw new Refusal('origin_forbidden')
  return new Response(null, {
    status: 204,
    headers: {
      ...cors,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'authorization, content-type, orq-update-id',
      'access-control-max-age': '600',
      'cache-control': 'no-store',
      vary: 'Origin',
      'x-content-type-options': 'nosniff',
    },
  })
}
