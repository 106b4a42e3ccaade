import type { EngineContext } from '../engine-context.ts'
import type { TokenProblem } from '../tokens.ts'
import { isSameOrigin } from '../url.ts'
import type { WarnOnce } from '../warn-once.ts'
import type { Answer } from './answer.ts'

const hints: { [problem in Exclude<TokenProblem, number>]: string } = {
  unset: 'set tokenUrl or token: the proxy is on another origin than the page',
  thrown: 'the token function failed: give a text, or null when nobody is signed in',
  unreachable: 'the token route cannot be reached',
  shape: 'the token route answers without { "token": "…" }',
  characters: 'the token has a blank or another character that no header can hold',
  late: 'the token did not come within timeoutMs',
}

/** What to do about a token that does not come. */
const hintOf = (problem: TokenProblem, isFunction: boolean, tokenUrl: string): string => {
  if (problem === 'shape' && isFunction) return hints.thrown
  if (problem === 'unreachable' && !isSameOrigin(tokenUrl))
    return `${hints.unreachable}; it has to allow this page's origin`
  if (typeof problem !== 'number') return hints[problem]
  if (problem === 0)
    return 'the token route redirects; set tokenUrl to where that ends, and answer 204 when nobody is signed in'
  return problem === 404
    ? 'the token route is not there (404): set tokenUrl, or let the proxy make tokens'
    : `the token route answers ${problem}, not { "token": "…" }, or 204 when nobody is signed in`
}

/** Where the documents say more: a heading of the README, as the package's page shows it. */
export const see = (heading: 'the-page' | 'the-token' | 'fields' | 'settings'): string =>
  ` https://www.npmjs.com/package/orq-identify#${heading}`

export const explainToken = ({ settings, tokens, warnOnce }: EngineContext): void =>
  warnOnce(
    `token: ${hintOf(tokens.problem ?? 'late', typeof settings.token === 'function', settings.tokenUrl ?? '')}${see('the-token')}`,
  )

/** What to do about a token that the proxy refuses, by its code. */
export const explainRefusal = ({ settings, tokens }: EngineContext, code: string): string => {
  const { token, subjectClaim } = settings
  const claims = tokens.held?.claims ?? {}
  const refused = `the proxy refuses the token (${code}): `
  if (code === 'scope_mismatch') return `the proxy says that the token names another person${see('the-token')}`
  if (code === 'token_expired')
    return `the token has expired: ${typeof token === 'string' ? 'give token as a function' : 'let it live longer, or set the clock of its server'}${see('the-token')}`
  if (Object.keys(claims)[0] && typeof claims[subjectClaim] !== 'string')
    return `${refused}its claim ${subjectClaim} is no text${see('the-token')}`
  return `${refused}do both have the same secret or keys?${see('the-token')}`
}

/** Says what to do about an answer that is a mistake of somebody's. Most answers are none. */
export const explainAnswer = (answer: Answer, proxyUrl: string, warnOnce: WarnOnce): void => {
  const { verdict, status, code, field, isRedirect } = answer
  if (verdict === 'rejected')
    return warnOnce(
      `the proxy refused ${field || 'an update'}: ${code}${code === 'field_forbidden' ? `; the token does not allow this field${see('the-token')}` : see('fields')}`,
    )
  if (typeof verdict !== 'object' || verdict.reason !== 'unreachable') return
  const isMixed = /^https/.test(globalThis.location?.protocol ?? '') && /^http:/.test(proxyUrl)
  const origin = isMixed
    ? ': browsers refuse http from a page of https'
    : isSameOrigin(proxyUrl)
      ? ''
      : "; if it is up, add this page's origin to its allowedOrigins"
  if (code === 'not_found' || code === 'method_not_allowed')
    warnOnce(`proxyUrl ${proxyUrl} is not the folder of the proxy: set it to its basePath${see('settings')}`)
  else if (code === 'origin_forbidden')
    warnOnce(`the proxy refuses this page's origin: add it to its allowedOrigins${see('settings')}`)
  else if (isRedirect) warnOnce(`proxyUrl ${proxyUrl} redirects: set it to where that ends${see('the-page')}`)
  else if (status) warnOnce(`no proxy of ours answers at proxyUrl ${proxyUrl} (status ${status})${see('the-page')}`)
  else warnOnce(`nobody answers at proxyUrl ${proxyUrl}${origin}${see('the-page')}`)
}
