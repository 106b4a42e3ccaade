const partsOf = (version: string): number[] => version.match(/\d+/g)?.slice(0, 3).map(Number) ?? []

/**
 * What to say to somebody whose Node is too old; undefined when it is not.
 * @param version of the Node that runs
 * @param range `>=` and the oldest one that does, as `engines` has it
 */
export const tellOldNode = (version: string, range: string): string | undefined => {
  const has = partsOf(version)
  const oldest = partsOf(range)
  for (const [n, least] of oldest.entries()) {
    const part = has[n] ?? 0
    if (part > least) return undefined
    if (part < least) return `orq-identify: Node ${oldest.join('.')} or newer is needed, this one is ${version}`
  }
  return undefined
}
