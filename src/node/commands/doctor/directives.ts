export type Directives = ReadonlyMap<string, readonly string[]>

/** One policy; of a directive that is given twice the first counts (CSP 3, section 2.2.1). */
export const parsePolicy = (text: string): Directives => {
  const directives = new Map<string, readonly string[]>()
  for (const part of text.split(';')) {
    const [name, ...sources] = part.trim().split(/\s+/)
    if (name && !directives.has(name.toLowerCase())) directives.set(name.toLowerCase(), sources)
  }
  return directives
}

/** What a policy says of one kind of request. */
export interface Rule {
  /** The directive that counts. */
  name: string
  sources: readonly string[]
}

/** The first of these directives that is given. */
export const effective = (policy: Directives, names: readonly string[]): Rule | undefined => {
  const name = names.find((one) => policy.has(one))
  return name === undefined ? undefined : { name, sources: policy.get(name) as readonly string[] }
}

/** How to allow `source` too. A directive of its own replaces the fall-back, so what that allows is said again. */
export const adding = (source: string, directive: string, { name, sources }: Rule): string => {
  const kept = sources.filter((one) => one.toLowerCase() !== "'none'")
  if (name === 'default-src') return `add ${[directive, ...kept, source].join(' ')} to the policy`
  return kept.length ? `add ${source} to ${name}` : `make it ${name} ${source}`
}
