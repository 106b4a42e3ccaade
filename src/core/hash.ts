/**
 * A 64-bit hash of UTF-16 units as 16 hexadecimal digits: two 32-bit multiply-xor lanes with different multipliers and
 * MurmurHash3's finaliser. Synchronous and small, so not a cryptographic one: with a random salt it tells
 * equal from changed and hides a value from a casual reader of storage; it is no proof against somebody who guesses.
 */
export const hash = (salt: string, value: string): string => {
  const text = `${salt}\n${value}`
  let a = 0x9e3779b9
  let b = 0x85ebca6b
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x27d4eb2f)
    b = Math.imul(b ^ unit, 0x165667b1)
    a ^= a >>> 15
    b ^= b >>> 13
  }
  const lane = (x: number, y: number): string => {
    let h = x ^ Math.imul(y ^ (y >>> 16), 0xc2b2ae35)
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return ((h ^ (h >>> 16)) >>> 0).toString(16).padStart(8, '0')
  }
  return lane(a, b) + lane(b, a)
}

/** A random identifier of 32 hexadecimal digits. `crypto.randomUUID` is absent on plain http, `getRandomValues` is not. */
export const randomId = (): string => {
  let id = ''
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) id += (byte + 256).toString(16).slice(1)
  return id
}
