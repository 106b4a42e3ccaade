import { type Deployment, isApart } from './deployment.ts'
import { adding, type Directives, effective, type Rule } from './directives.ts'
import { contentOf, filesOfTag, fullFile, hashOf } from './files.ts'
import { type Finding, note, ok, wrong } from './finding.ts'
import { matches } from './source.ts'

const about = 'csp scripts'

const isNonce = (source: string): boolean => /^'nonce-./i.test(source)
const isHash = (source: string): boolean => /^'sha(256|384|512)-./i.test(source)
const isStrictDynamic = (source: string): boolean => source.toLowerCase() === "'strict-dynamic'"

/** The hash of this content that a policy lists, as `integrity` has to name it. */
const listedHash = (sources: Rule['sources'], content: Buffer | undefined): string | undefined =>
  content &&
  ['sha256', 'sha384', 'sha512']
    .map((algorithm) => hashOf(content, algorithm))
    .find((hash) => sources.includes(`'${hash}'`))

/**
 * What hashes let run. They are compared with the `integrity` of a tag (CSP 3, section 6.7.2.3), and `import()` has none:
 * what the script imports must be let in by its address. 'strict-dynamic' does not help: an import by a tag of the HTML
 * counts as one of the HTML.
 * @param isListed whether an address is let in
 */
const checkHashes = async (rule: Rule, deployment: Deployment, isListed: (url: URL) => boolean): Promise<Finding> => {
  const { name, sources } = rule
  const isStrict = sources.some(isStrictDynamic)
  const [tag, ...imported] = filesOfTag(deployment)
  const refusedImport = imported.find((url) => !isListed(url))
  const runs = (file: string, hash: string): Finding =>
    note(
      about,
      `${name} lets ${file} run where its tag has integrity="${hash}", in Chromium and not in every browser`,
      'for all of them let it in by a nonce or its address',
    )
  const full = await contentOf(deployment, fullFile(deployment))
  const fullHash = listedHash(sources, full)
  if (fullHash !== undefined) return runs('orq.full.js', fullHash)
  const tagHash = listedHash(sources, await contentOf(deployment, tag))
  if (tagHash !== undefined && !refusedImport) return runs('orq.js', tagHash)
  const hash = full && hashOf(full)
  const hint = hash
    ? `${adding(`'${hash}'`, 'script-src', rule)} and integrity="${hash}" to the tag of orq.full.js, or use a nonce`
    : 'use a nonce that the tag has'
  if (isStrict && tagHash === undefined)
    return note(
      about,
      `${name} lets in what a script of these hashes puts into the page, and no tag of the HTML`,
      `for such a tag ${hint}`,
    )
  const refused = refusedImport && (tagHash !== undefined || isListed(tag)) ? refusedImport : tag
  return wrong(about, `${name} refuses ${refused.href}, which has none of its hashes`, hint)
}

/** Whether the script tag and what it imports may run. */
export const checkScripts = async (policy: Directives, deployment: Deployment): Promise<Finding> => {
  const page = new URL(deployment.pageOrigin)
  const rule = effective(policy, ['script-src-elem', 'script-src', 'default-src'])
  if (!rule) return ok(about, 'are not restricted')
  const { name, sources } = rule
  if (sources.some(isNonce)) return ok(about, `run where the tag has the nonce of ${name}`)
  const isStrict = sources.some(isStrictDynamic)
  // Beside 'strict-dynamic' no address counts, not even 'self' (CSP 3, section 8.2).
  const isListed = (url: URL): boolean => !isStrict && sources.some((source) => matches(source, url, page))
  const refused = filesOfTag(deployment).find((url) => !isListed(url))
  if (!refused) return ok(about, `${name} lets them run`)
  if (sources.some(isHash)) return checkHashes(rule, deployment, isListed)
  if (isStrict) return wrong(about, `${name} trusts by 'strict-dynamic' alone`, 'add a nonce, and give it to the tag')
  const add = adding(isApart(deployment) ? deployment.folder.href : "'self'", 'script-src', rule)
  return wrong(about, `${name} refuses ${refused.href}`, `${add}, or use a nonce that the tag has`)
}
