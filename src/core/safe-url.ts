/**
 * The URL that something secret may travel to or something trusted may come from: https, or http on this machine.
 * `*.localhost` is not taken: resolvers answer it as they like (RFC 6761, section 6.3, only recommends loopback).
 * @returns undefined for anything else
 */
export const parseSafeUrl = (given: string | URL): URL | undefined => {
  const url = URL.canParse(given) ? new URL(given) : undefined
  const isLoopback = !!url && /^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname)
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback) ? url : undefined
}
