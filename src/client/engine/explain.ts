import type { EngineContext } from '../engine-context.ts'
import { isSameOrigin } from '../url.ts'
import type { WarnOnce } from '../warn-once.ts'
import type { Answer } from './answer.ts'

/** What to do about a token that does not come, by what its source has failed with; a number is a status. */
const hintOf = (problem: unknown, isFunction: boolean): string => {
  if (problem === 'late') return 'the token did not come within timeoutMs'
  if (isFunction) return 'the token function failed: it has to give a text, or null when nobody is signed in'
  if (problem === undefined)
    return 'set tokenUrl or token: the proxy is on another origin than the page, so that its token route is not guessed'
  if (problem === 0)
    return 'the token route redirects; set tokenUrl to where that ends, and let it answer 204 when nobody is signed in'
  if (problem === 404)
    return 'the token route is not there (404): set tokenUrl to your own, or let the proxy make tokens'
  if (typeof problem === 'number')
    return `the token route answers ${problem}; it has to answer { "token": "…" }, or 204 when nobody is signed in`
  return problem instanceof SyntaxError
    ? 'the token route answers without { "token": "…" }'
    : 'the token route cannot be reached'
}

export const explainToken = ({ settings, tokens, warnOnce }: EngineContext): void =>
  warnOnce(`token: ${hintOf(tokens.problem, settings.token !== undefined)}`)

/** Says what to do about an answer that is a mistake of somebody's. Most answers are none. */
export const explainAnswer = (answer: Answer, proxyUrl: string, warnOnce: WarnOnce): void => {
  const { verdict, status, code, field, isRedirect } = answer
  if (verdict === 'rejected')
    return warnOnce(
      `the proxy refused ${field || 'an update'}: ${code}${code === 'field_forbidden' ? '; the token does not allow this field' : ''}`,
    )
  if (typeof verdict !== 'object' || verdict.reason !== 'unreachable') return
  const origin = isSameOrigin(proxyUrl) ? '' : "; if it is up, add this page's origin to its allowedOrigins"
  if (code === 'not_found') warnOnce(`proxyUrl ${proxyUrl} is not the folder of the proxy: set it to its basePath`)
  else if (code === 'origin_forbidden') warnOnce(`the proxy refuses this page's origin: add it to its allowedOrigins`)
  else if (isRedirect)
    warnOnce(`proxyUrl ${proxyUrl} redirects: set it to where that ends, without a sign-in before it`)
  else if (status) warnOnce(`no proxy of ours answers at proxyUrl ${proxyUrl} (status ${status})`)
  else warnOnce(`nobody answers at proxyUrl ${proxyUrl}${origin}`, 'warn')
}
