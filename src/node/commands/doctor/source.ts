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
export const matches = (source: string, url: URL, page: URL): boolean => {
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
