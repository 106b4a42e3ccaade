// Each lane multiplies and mixes per UTF-16 unit.
const lane = (text: string, factor: number): string => {
  let h = factor
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), factor)
    h ^= h >>> 15
  }
  return (h >>> 0).toString(16).padStart(8, '0')
}

/**
 * A 64-bit hash as 16 hexadecimal digits. Synchronous and small, so not a cryptographic one: with a random salt it tells
 * equal from changed and hides a value from a casual reader of storage; it is no proof against somebody who guesses.
 * The salt comes last: each of its characters spreads what the value's last ones have changed.
 */
export const hash = (salt: string, value: string): string => {
  const text = value + salt
  return lane(text, 0x85ebca6b) + lane(text, 0x85ebca77)
}

/**
 * 128 random bits. `crypto.randomUUID` is absent on plain http, `getRandomValues` is not. A page that has taken `crypto` away
 * gets what `Math.random` gives: no secret hangs on it.
 */
export const randomId = (): string =>
  globalThis.crypto?.getRandomValues(new Uint32Array(4)).join('') ?? `${Math.random()}${Math.random()}`
