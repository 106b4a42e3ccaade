/** Prints a line, once per page. */
export type WarnOnce = (text: string, level?: 'error' | 'warn') => void

export const createWarnOnce = (): WarnOnce => {
  const printed = new Set<string>()
  return (text, level = 'error') => {
    if (printed.has(text)) return
    printed.add(text)
    try {
      console[level](`orq: ${text}`)
    } catch {
      // A page's own console may throw.
    }
  }
}
