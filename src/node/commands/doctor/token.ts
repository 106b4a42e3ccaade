import { defaultAudience, skewSeconds, tokenType } from '../../../proxy/jwt.ts'
import { type Deployment, describeAnswer, ownPage, post, unexpected, wordOf } from './deployment.ts'
import { type Finding, note, ok, wrong } from './finding.ts'
import type { Answer } from './line.ts'

type Part = Record<string, unknown>

/** Header and claims, to say what is wrong with a refused token; nothing is verified here. */
export const readToken = (token: string): { head: Part; claims: Part } => {
  const [head = {}, claims = {}] = token.split('.').map((part): Part => {
    try {
      const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
      return typeof value === 'object' && value ? (value as Part) : {}
    } catch {
      return {}
    }
  })
  return { head, claims }
}

/** Whether a header can carry it. */
export const isToken = (text: string): boolean => /^[\x21-\x7e]+$/.test(text)

/** Why the proxy may refuse it, in the order in which a backend gets it wrong. @param now in milliseconds */
const guess = (token: string, now: number): string => {
  const { head, claims } = readToken(token)
  const { iat, exp, sub, aud } = claims as { iat?: number; exp?: number; sub?: unknown; aud?: unknown }
  if (token.split('.').length !== 3) return 'it is no JWT: mint one for the signed-in user'
  if (typeof iat !== 'number' || typeof exp !== 'number') return 'iat and exp are missing: set both, in seconds'
  if (exp > 1e11) return 'exp is in milliseconds: set it in seconds'
  if (iat > now / 1_000 + skewSeconds) return 'iat lies in the future: set the clock of the backend by NTP'
  if (exp < now / 1_000) return 'it has expired: mint a new one for each request'
  if (typeof sub !== 'string') return 'sub is no text: set it to the external id as a string'
  if (head['typ'] !== tokenType)
    return `typ is not ${tokenType}: set that header, unless the proxy takes an identity provider’s tokens`
  if (exp - iat > 900) return 'it lives for more than 15 minutes: 5 are enough'
  if (![aud].flat().includes(defaultAudience))
    return `aud is not ${defaultAudience}: set it, unless ORQ_TOKEN_AUDIENCE is another`
  if (head['kid'] === undefined) return 'kid is missing: set it, "default" where ORQ_TOKEN_SECRET names none'
  return 'its kid, alg or secret is not the proxy’s: use the same ORQ_TOKEN_SECRET in both'
}

/**
 * Whether the proxy takes a token. Nothing is written: the update id and the body are no good, and both are looked at
 * only when the token is.
 */
export const checkToken = async (deployment: Deployment, token: string, now: number): Promise<Finding[]> => {
  const who = { ...ownPage(deployment), authorization: `Bearer ${token}` }
  const answer = await post(deployment, { ...who, 'orq-update-id': 'doctor' })
  switch (wordOf(answer)) {
    case 'bad_request':
      return [ok('token', 'is taken')]
    case 'bad_json':
      return [
        wrong('token', 'is taken, but Orq-Update-Id does not arrive', 'let that header of the page reach the proxy'),
      ]
    case 'origin_forbidden':
      return [unexpected('token', 'its origin', answer, `mint it for ${deployment.pageOrigin}, or without an origin`)]
    case 'token_invalid':
    case 'token_expired':
      return [unexpected('token', 'is refused', answer, guess(token, now))]
    default:
      return [unexpected('token', 'nobody says whether it is good', answer, 'see the log of the proxy')]
  }
}

const tokenIn = ({ bytes }: Answer): string | undefined => {
  try {
    const { token } = JSON.parse(bytes.toString()) as { token?: unknown }
    return typeof token === 'string' && isToken(token) ? token : undefined
  } catch {
    return undefined
  }
}

const isNullToken = ({ status, bytes }: Answer): boolean =>
  status === 200 && /^\s*\{\s*"token"\s*:\s*null/.test(`${bytes}`)

/** The route that gives the page its token. @returns the token too, when there is one */
export const checkTokenRoute = async (
  deployment: Deployment,
  tokenUrl: URL,
  cookie: string | undefined,
): Promise<{ findings: Finding[]; token?: string }> => {
  const { line, pageOrigin } = deployment
  if (tokenUrl.origin !== pageOrigin)
    return {
      findings: [
        wrong(
          'token route',
          `pages of ${pageOrigin} send no cookie to ${tokenUrl.origin}`,
          'serve it on the origin of the pages, or give init a token function that fetches it',
        ),
      ],
    }
  const answer = await line.ask(tokenUrl, {
    method: 'POST',
    headers: { origin: pageOrigin, 'sec-fetch-site': 'same-origin', ...(cookie === undefined ? {} : { cookie }) },
  })
  const { status, headers } = answer
  if ([204, 401, 403].includes(status) || isNullToken(answer)) {
    const seen = `answered ${status}, as nobody is signed in`
    return {
      findings: [
        cookie === undefined
          ? ok('token route', seen)
          : note('token route', seen, 'give the cookie of somebody who is signed in'),
      ],
    }
  }
  const token = tokenIn(answer)
  if (status !== 200 || token === undefined) {
    const hint =
      status >= 300 && status < 400
        ? 'answer 204 to who is not signed in: a page does not follow a redirect'
        : 'answer a POST with { "token": … } as JSON, or with 204 when nobody is signed in'
    return {
      findings: [wrong('token route', `${describeAnswer(answer).replace(', not by the proxy', '')}`, hint)],
    }
  }
  const keeps = !/no-store/.test(headers.get('cache-control') ?? '')
  const finding = keeps
    ? wrong('token route', 'its answer may be kept by a cache', 'send Cache-Control: no-store with it')
    : ok('token route', 'answers a token that no cache keeps')
  return { findings: [finding], token }
}
