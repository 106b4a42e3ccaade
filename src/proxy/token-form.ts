const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

// jose accepts padding, white space and a last character with stray bits: two texts for one token.
const isCanonical = (part: string): boolean => {
  if (!/^[A-Za-z0-9_-]+$/.test(part) || part.length % 4 === 1) return false
  const strayBits = { 0: 0, 2: 15, 3: 3 }[part.length % 4] as number
  return (alphabet.indexOf(part.at(-1) as string) & strayBits) === 0
}

const decodePart = (part: string): unknown => {
  const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), (byte) => byte.charCodeAt(0))
  return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
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
