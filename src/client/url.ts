/**
 * Where relative URLs begin: the page's own address. `about:srcdoc` and blank frames have the origin of the page that made
 * them. Never `<base>`, which whoever can inject markup can set.
 */
const pageUrl = (): string | undefined => {
  const { location, origin } = globalThis as { location?: Location; origin?: string }
  return location && /^about:/.test(location.href) ? origin : location?.href
}

/**
 * Makes a URL absolute, without the credentials that it or the page's address may hold: `fetch` refuses those.
 * @returns '' for a relative one where there is no page, as on a server
 * @throws TypeError when it is no URL anywhere
 */
export const resolveUrl = (given: string | URL): string => {
  let base = pageUrl()
  if (!base || !URL.canParse('/', base)) base = 'no-page://x/'
  const url = new URL(given, base)
  url.username = url.password = ''
  return url.protocol === 'no-page:' ? '' : url.href
}

/** True where a URL is of the page's own origin. */
export const isSameOrigin = (url: string): boolean => resolveUrl(url).startsWith(resolveUrl('/') || 'no page')
