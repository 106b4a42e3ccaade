import { createHmac, createSecretKey } from 'node:crypto'
import type { Hmac } from '../proxy/keys.ts'

/** HMAC with SHA-256 at once, by `node:crypto`: for `hmac` of `jwt`. */
export const nodeHmac: Hmac = (secret) => {
  // Of raw bytes Node would make a key anew for every hash.
  const key = createSecretKey(secret)
  return (text) => createHmac('sha256', key).update(text).digest()
}
