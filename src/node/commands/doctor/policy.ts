import type { Deployment } from './deployment.ts'
import { adding, type Directives, effective, parsePolicy } from './directives.ts'
import { type Finding, ok, wrong } from './finding.ts'
import { checkScripts } from './script-policy.ts'
import { matches } from './source.ts'

const checkConnections = (policy: Directives, deployment: Deployment, tokenUrl: URL | undefined): Finding => {
  const page = new URL(deployment.pageOrigin)
  const rule = effective(policy, ['connect-src', 'default-src'])
  if (!rule) return ok('csp requests', 'are not restricted')
  const { name, sources } = rule
  const refused = [deployment.route, tokenUrl].find(
    (url) => url && !sources.some((source) => matches(source, url, page)),
  )
  if (!refused) return ok('csp requests', `${name} lets them through`)
  const source = refused.origin === page.origin ? "'self'" : refused.origin
  // Without its query: only the path counts for a policy, and a query may hold what nobody else should read.
  const said = refused.origin + refused.pathname
  return wrong('csp requests', `${name} refuses ${said}`, adding(source, 'connect-src', rule))
}

/** A page in a sandbox without these runs no script, and has no origin that the proxy could let in. */
const needed = ['allow-scripts', 'allow-same-origin']

const checkSandbox = (policy: Directives): Finding[] => {
  const given = policy.get('sandbox')?.map((word) => word.toLowerCase())
  const missing = needed.filter((word) => given && !given.includes(word))
  if (!missing.length) return []
  return [wrong('csp sandbox', `lacks ${missing.join(' and ')}`, `add ${missing.join(' ')} to it, or leave it out`)]
}

/** Whether pages under this value of `Content-Security-Policy` can load the script tag and send. */
export const checkPolicy = async (
  value: string,
  deployment: Deployment,
  tokenUrl: URL | undefined,
): Promise<Finding[]> => {
  const findings: Finding[] = []
  // Each of several policies must allow all.
  for (const policy of value.split(',').map(parsePolicy))
    findings.push(
      await checkScripts(policy, deployment),
      checkConnections(policy, deployment, tokenUrl),
      ...checkSandbox(policy),
    )
  return findings
}
