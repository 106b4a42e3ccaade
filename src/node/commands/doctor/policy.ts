import { type Deployment, isApart } from './deployment.ts'
import { filesOfTag } from './files.ts'
import { type Finding, ok, wrong } from './finding.ts'

type Directives = ReadonlyMap<string, readonly string[]>

/** One policy; of a directive that is given twice the first counts (CSP 3, section 2.2.1). */
const parsePolicy = (text: string): Directives => {
  const directives = new Map<string, readonly string[]>()
  for (const part of text.split(';')) {
    const [name, ...sources] = part.trim().split(/\s+/)
    if (name && !directives.has(name.toLowerCase())) directives.set(name.toLowerCase(), sources)
  }
  return directives
}

/** The first of these directives that is given. */
const effective = (
  policy: Directives,
  names: readonly string[],
): { name: string; sources: readonly string[] } | undefined => {
  const name = names.find((one) => policy.has(one))
  return name === undefined ? undefined : { name, sources: policy.get(name) as readonly string[] }
}

/** http may become https, never the reverse (CSP 3, section 6.7.2.9). */
const matchesScheme = (wanted: string, scheme: string): boolean =>
  wanted === scheme || (wanted === 'http:' && scheme === 'https:')

const defaultPort = (protocol: string): string => (protocol === 'https:' ? '443' : protocol === 'http:' ? '80' : '')
const portOf = (url: URL): string => url.port || defaultPort(url.protocol)

const matchesHost = (wanted: string, host: string): boolean =>
  wanted === '*' || (wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) : host === wanted)

const matchesPort = (wanted: string | undefined, url: URL): boolean => {
  if (wanted === '*') return true
  if (wanted === undefined) return portOf(url) === defaultPort(url.protocol)
  return wanted === portOf(url) || (wanted === '80' && portOf(url) === '443')
}

const matchesPath = (wanted: string | undefined, path: string): boolean =>
  !wanted || wanted === '/' || (wanted.endsWith('/') ? path.startsWith(wanted) : path === wanted)

/** Whether a source expression lets a URL through (CSP 3, section 6.7.2.8). @param page the origin of 'self' */
const matches = (source: string, url: URL, page: URL): boolean => {
  const word = source.toLowerCase()
  if (word === '*') return /^https?:$/.test(url.protocol)
  if (word === "'self'")
    return (
      url.hostname === page.hostname &&
      matchesScheme(page.protocol, url.protocol) &&
      (portOf(url) === portOf(page) || (portOf(page) === '80' && portOf(url) === '443'))
    )
  if (/^[a-z][a-z0-9+.-]*:$/.test(word)) return matchesScheme(word, url.protocol)
  const [, scheme, host, port, path] =
    /^(?:([a-z][a-z0-9+.-]*:)\/\/)?([^/:']+|\[[^\]]+\])(?::(\d+|\*))?(\/.*)?$/i.exec(source) ?? []
  return (
    host !== undefined &&
    matchesScheme(scheme?.toLowerCase() ?? page.protocol, url.protocol) &&
    matchesHost(host.toLowerCase(), url.hostname) &&
    matchesPort(port, url) &&
    matchesPath(path, url.pathname)
  )
}

const isNonce = (source: string): boolean => /^'nonce-./i.test(source)

const checkScripts = (policy: Directives, deployment: Deployment): Finding => {
  const page = new URL(deployment.pageOrigin)
  const rule = effective(policy, ['script-src-elem', 'script-src', 'default-src'])
  const add = isApart(deployment) ? deployment.folder.href : "'self'"
  if (!rule) return ok('csp scripts', 'are not restricted')
  const { name, sources } = rule
  if (sources.some(isNonce)) return ok('csp scripts', `run where the tag has the nonce of ${name}`)
  const isStrict = sources.some((source) => source.toLowerCase() === "'strict-dynamic'")
  if (isStrict)
    return wrong('csp scripts', `${name} trusts by 'strict-dynamic' alone`, 'add a nonce, and give it to the tag')
  const refused = filesOfTag(deployment).find((url) => !sources.some((source) => matches(source, url, page)))
  return refused
    ? wrong('csp scripts', `${name} refuses ${refused.href}`, `add ${add} to it, or a nonce that the tag has`)
    : ok('csp scripts', `${name} lets them run`)
}

const checkConnections = (policy: Directives, deployment: Deployment, tokenUrl: URL | undefined): Finding => {
  const page = new URL(deployment.pageOrigin)
  const rule = effective(policy, ['connect-src', 'default-src'])
  if (!rule) return ok('csp requests', 'are not restricted')
  const { name, sources } = rule
  const refused = [deployment.route, tokenUrl].find(
    (url) => url && !sources.some((source) => matches(source, url, page)),
  )
  if (!refused) return ok('csp requests', `${name} lets them through`)
  const add = refused.origin === page.origin ? "'self'" : refused.origin
  return wrong('csp requests', `${name} refuses ${refused.href}`, `add connect-src ${add} to the policy`)
}

/** Whether pages under this value of `Content-Security-Policy` can load the script tag and send. */
export const checkPolicy = (value: string, deployment: Deployment, tokenUrl: URL | undefined): Finding[] =>
  // Each of several policies must allow all.
  value
    .split(',')
    .map(parsePolicy)
    .flatMap((policy) => [checkScripts(policy, deployment), checkConnections(policy, deployment, tokenUrl)])
