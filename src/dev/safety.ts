import type { MiddlewareHandler } from 'hono'

/** The host of a `Host` header as URLs write it, without port; undefined when it is none. */
const hostOf = (header: string): string | undefined => {
  if (!/^[\w.:[\]-]+$/.test(header)) return undefined
  try {
    return new URL(`http://${header}`).hostname
  } catch {
    return undefined
  }
}

/**
 * True for localhost, a loopback address or the host that the server was told to listen on, with any port. A page of
 * another site whose name was pointed at this machine (DNS rebinding) is same-origin with us in the browser's eyes, but
 * still says its own name here.
 */
export const isOwnHost = (header: string, listeningHost: string): boolean => {
  const host = hostOf(header)
  if (host === undefined) return false
  if (host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)) return true
  return host === hostOf(listeningHost.includes(':') ? `[${listeningHost}]` : listeningHost)
}

/** 403 for every request that was not addressed to this machine by one of its own names. */
export const ownHostOnly =
  (listeningHost: string): MiddlewareHandler =>
  async (c, next) => {
    const header = c.req.header('Host') ?? new URL(c.req.url).host
    if (isOwnHost(header, listeningHost)) return next()
    const message = 'address this server as localhost, a loopback address or its HOST setting'
    return c.json({ code: 'host_forbidden', message }, 403)
  }

/** What a page may load and where it may send: this origin only; no inline script or style; never inside a frame. */
export const securityHeaders: Record<string, string> = {
  'Content-Security-Policy':
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
}

/** The headers of every answer of the development app itself; what is made on the spot is never stored by a cache. */
export const safeAnswers: MiddlewareHandler = async (c, next) => {
  await next()
  for (const [name, value] of Object.entries(securityHeaders)) c.res.headers.set(name, value)
  if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store')
}

const isJson = (contentType: string | undefined): boolean =>
  contentType?.split(';')[0]?.trim().toLowerCase() === 'application/json'

/**
 * For routes that change something. Another site's page can send forms and simple requests here, but no JSON without a
 * preflight, which nobody answers; and a browser says where a request comes from. Absent means no browser, such as curl.
 * No body and no content type pass, as signing out and asking for a token need neither: the first takes a preflight,
 * and of the second another site can read nothing.
 */
export const ownPageOnly: MiddlewareHandler = async (c, next) => {
  const site = c.req.header('Sec-Fetch-Site')
  if (site !== undefined && site !== 'same-origin')
    return c.json({ code: 'site_forbidden', message: 'only the page of this server may do this' }, 403)
  const type = c.req.header('Content-Type')
  const empty = (c.req.header('Content-Length') ?? '0') === '0' && c.req.header('Transfer-Encoding') === undefined
  if (isJson(type) || (type === undefined && empty)) return next()
  return c.json({ code: 'unsupported_media_type', message: 'send application/json' }, 415)
}
