/**
 * A 64-bit hash as 16 hexadecimal digits. Synchronous and small, so not a cryptographic one: with a random salt it tells
 * equal from changed and hides a value from a casual reader of storage; it is no proof against somebody who guesses.
 * The salt comes last: each of its characters spreads what the value's last ones have changed.
 */
export const hash = (salt: string, value: string): string => {
  const text = value + salt
  const lanes = [0x85ebca6b, 0x9e3779b1].map((factor) => {
    let h = factor
    // Multiplied and mixed per UTF-16 unit.
    for (let i = 0; i < text.length; i++) {
      h = Math.imul(h ^ text.charCodeAt(i), factor)
      h ^= h >>> 15
    }
    return (h >>> 0).toString(16).padStart(8, '0')
  })
  return lanes.join('')
}

/** 128 random bits. `crypto.randomUUID` is absent on plain http, `getRandomValues` is not. */
export const randomId = (): string => crypto.getRandomValues(new Uint32Array(4)).join('')
