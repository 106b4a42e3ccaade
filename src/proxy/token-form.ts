const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

// jose accepts padding, white space and a last character with stray bits: two texts for one token.
const isCanonical = (part: string): boolean => {
  if (!/^[A-Za-z0-9_-]+$/.test(part) || part.length % 4 === 1) return false
  const strayBits = { 0: 0, 2: 15, 3: 3 }[part.length % 4] as number
  return (alphabet.indexOf(part.at(-1) as string) & strayBits) === 0
}

const decode = (part: string): string => atob(part.replaceAll('-', '+').replaceAll('_', '/'))

/** The bytes of a part in base64url without padding. */
export const decodeBytes = (part: string): Uint8Array => {
  const text = decode(part)
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at)
  return bytes
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const decodePart = (part: string): unknown => {
  const text = decode(part)
  // Nearly every token: the bytes are the characters.
  return JSON.parse(/^[\0-\x7f]*$/.test(text) ? text : utf8.decode(decodeBytes(part)))
}

/**
 * Header and payload of a compact JWS, unverified; see RFC 7515, section 3.1.
 * @param maxLength checked before anything is decoded
 * @throws whatever is wrong with its form
 */
export const parseToken = (token: string, maxLength: number): { header: unknown; payload: unknown } => {
  const parts = token.split('.', 4)
  if (token.length > maxLength || parts.length !== 3 || !parts.every(isCanonical)) throw new Error('no compact JWS')
  return { header: decodePart(parts[0] as string), payload: decodePart(parts[1] as string) }
}
