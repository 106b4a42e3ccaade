import { createHmac, createSecretKey } from 'node:crypto'

/** Hashes under one store's own random key: without it they tell nothing, and two stores have nothing in common. */
export interface KeyedHash {
  /** The key of a contact's row: 128 bits, so that nobody without the key can look for two ids with one row. */
  keyOf(externalId: string): Buffer
  /** Of a field's value, for the ledger. */
  hash(text: string): string
}

export const createKeyedHash = (key: Uint8Array): KeyedHash => {
  // Of raw bytes Node would make a key anew for every hash, at five times the cost.
  const secret = createSecretKey(key)
  const digest = (text: string): Buffer => createHmac('sha256', secret).update(text).digest()
  return {
    keyOf: (externalId) => digest(`id:${externalId}`).subarray(0, 16),
    hash: (text) => digest(`value:${text}`).toString('base64url').slice(0, 22),
  }
}
