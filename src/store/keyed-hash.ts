import { createHmac, createSecretKey, hash } from 'node:crypto'

/** Hashes under one store's own random key: without it they tell nothing, and two stores have nothing in common. */
export interface KeyedHash {
  /** The key of a contact's row: 128 bits, so that nobody without the key can look for two ids with one row. */
  keyOf(externalId: string): Buffer
  /** Of a field's value, for the ledger. */
  hash(text: string): string
}

/** A contact is put, and soon after its delivery is recorded. */
const remembered = 1_000

export const createKeyedHash = (key: Uint8Array): KeyedHash => {
  // Of raw bytes Node would make a key anew for every hash, at five times the cost.
  const secret = createSecretKey(key)
  const prefix = `${Buffer.from(key).toString('base64url')}:`
  const recent = new Map<string, Buffer>()
  return {
    keyOf: (externalId) => {
      const known = recent.get(externalId)
      if (known) return known
      const made = createHmac('sha256', secret).update(`id:${externalId}`).digest().subarray(0, 16)
      if (recent.size >= remembered) recent.clear()
      recent.set(externalId, made)
      return made
    },
    // Half the cost of an HMAC. Of a hash that is cut nobody can go on to that of a longer text.
    hash: (text) => hash('sha256', prefix + text, 'base64url').slice(0, 22),
  }
}
