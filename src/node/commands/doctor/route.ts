import { maxBodyBytes } from '../../../core/contact.ts'
import { type Deployment, isApart, ownPage, post, unexpected, wordOf } from './deployment.ts'
import { type Finding, note, ok, orOk, wrong } from './finding.ts'
import { type Answer, Unanswered } from './line.ts'

const hintOf = (answer: Answer, deployment: Deployment): string => {
  const { folder, pageOrigin } = deployment
  switch (wordOf(answer)) {
    case 'not_found':
      return `ORQ_BASE_PATH (basePath of createProxy) is another folder than ${folder.pathname}: use the same in both`
    case 'origin_forbidden':
      return isApart(deployment)
        ? `add ${pageOrigin} to ORQ_ALLOWED_ORIGINS (allowedOrigins of createProxy)`
        : `let Origin and Sec-Fetch-Site reach the proxy as they are, or add ${pageOrigin} to ORQ_ALLOWED_ORIGINS`
    case undefined:
      return answer.status >= 300 && answer.status < 400
        ? `lead ${folder.pathname} to the proxy, without a redirect and before anything that asks people to sign in`
        : `lead ${folder.pathname} to the proxy, and let its answers through as they are, errors too`
    default:
      return 'see the log of the proxy'
  }
}

/** What a shared cache or a front must not have changed in an answer of the route. */
const checkHeaders = ({ headers }: Answer): Finding[] => {
  const has = (name: string, part: string): boolean => !!headers.get(name)?.toLowerCase().includes(part)
  const troubles: Finding[] = []
  if (!has('cache-control', 'no-store'))
    troubles.push(wrong('headers', 'Cache-Control lacks no-store', 'let that header of the proxy through'))
  if (!has('vary', 'origin') && !has('vary', '*'))
    troubles.push(wrong('headers', 'Vary lacks Origin', 'let that header of the proxy through'))
  return orOk(troubles, 'headers', 'no cache keeps an answer')
}

/** Whether requests arrive at the proxy whole, and its answers come back whole. */
export const checkRoute = async (deployment: Deployment): Promise<{ findings: Finding[]; isProxy: boolean }> => {
  const path = deployment.route.pathname
  const first = await post(deployment, ownPage(deployment))
  if (wordOf(first) !== 'token_missing') {
    const finding = unexpected('route', `POST ${path} without a token`, first, hintOf(first, deployment))
    // Whoever refuses the origin is the proxy: the rest can be looked at.
    return { findings: [finding], isProxy: wordOf(first) === 'origin_forbidden' }
  }
  const withToken = await post(deployment, { ...ownPage(deployment), authorization: 'Bearer not.a.token' })
  // Who takes no body of that size may close the connection instead of answering.
  const large = await post(deployment, ownPage(deployment), '{'.padEnd(maxBodyBytes)).catch((error: unknown) => {
    if (error instanceof Unanswered) return error
    throw error
  })
  const allowSize = 'allow a body of that size in front of the proxy'
  const findings = [
    ok('route', `POST ${path} is answered by the proxy`),
    ...checkHeaders(first),
    wordOf(withToken) === 'token_invalid'
      ? ok('token header', 'Authorization reaches the proxy, and no bad token passes')
      : unexpected('token header', 'a bad token', withToken, 'let the Authorization header reach the proxy'),
    large instanceof Unanswered
      ? wrong('body size', `${maxBodyBytes} bytes: no answer: ${large.message}`, allowSize)
      : wordOf(large) === 'token_missing'
        ? ok('body size', `${maxBodyBytes} bytes get through`)
        : unexpected('body size', `${maxBodyBytes} bytes`, large, allowSize),
  ]
  return { findings, isProxy: true }
}

/** How far clocks may be apart: what the proxy bears in a token. */
const maxSkewMs = 30_000

/** Compares the clock of the server with ours. @param answer one that has just come @param now in milliseconds */
export const checkClock = ({ headers }: Answer, now: number): Finding => {
  const there = Date.parse(headers.get('date') ?? '')
  if (Number.isNaN(there))
    return note('clock', 'the server tells no time', 'let Date through, or see that its clock is set by NTP')
  const apart = Math.round((there - now) / 1_000)
  if (Math.abs(there - now) <= maxSkewMs) return ok('clock', 'the server and this machine agree')
  return wrong(
    'clock',
    `the server is ${Math.abs(apart)} s ${apart > 0 ? 'ahead of' : 'behind'} this machine`,
    'set the one that is wrong by NTP: tokens are refused when clocks are more than 30 s apart',
  )
}
