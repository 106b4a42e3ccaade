const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** The lowest bits of a number in Crockford's base 32, most significant digit first. */
const base32 = (value: bigint, length: number): string => {
  let text = ''
  for (let rest = value; text.length < length; rest >>= 5n) text = digits[Number(rest & 31n)] + text
  return text
}

const random80 = (): bigint =>
  crypto.getRandomValues(new Uint8Array(10)).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)

/**
 * Makes ULIDs (https://github.com/ulid/spec): 48 bits of time, then 80 random bits, 26 characters. Each is greater than
 * the one before, also within a millisecond and when the clock is set back, so sorting by id is sorting by creation.
 */
export const createUlids = (now: () => number = Date.now): (() => string) => {
  let last = 0n
  return () => {
    const fresh = (BigInt(now()) << 80n) | random80()
    last = fresh > last ? fresh : last + 1n
    return base32(last, 26)
  }
}
