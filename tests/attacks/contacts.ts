import type { Contact, Json } from '../../src/core/contact.ts'
import type { Random } from './random.ts'

const characters = [...'abcXYZ019 _-.,:;/\\"\'<>{}[]%&?#=+\t\n\r\u0001\u007f\u0085é漢\u200d\u2028\ufeff😀']
const plain = [...'abcdefghijklmnopqrstuvwxyz0123456789.-_+']

/** At most `max` UTF-16 units: a character may have two. */
const text = (random: Random, max: number, from: readonly string[] = characters): string =>
  random.list(max >> 1, () => random.pick(from)).join('')

const number = (random: Random): number =>
  random.pick([0, -0, 1, -1, 0.5, 1e-7, 5e-324, 1e15 + 0.5, 2 ** 53 - 1, 1 - 2 ** 53, random.int(1e9)])

const json = (random: Random, depth: number): Json => {
  const kind = random.int(depth > 0 ? 7 : 5)
  if (kind === 0) return null
  if (kind === 1) return random.oneIn(2)
  if (kind === 2) return number(random)
  if (kind < 5) return text(random, 20)
  if (kind === 5) return random.list(4, () => json(random, depth - 1))
  return object(random, depth - 1)
}

const object = (random: Random, depth: number): { [key: string]: Json } =>
  Object.fromEntries(random.list(5, () => [`${random.pick(plain)}${text(random, 12)}`, json(random, depth)]))

/** A contact that the proxy must take, of any fields. */
export const randomContact = (random: Random, external_id: string): Contact => {
  const contact: Contact = { external_id }
  const orNull = <T>(value: T): T | null => (random.oneIn(8) ? null : value)
  if (random.oneIn(2)) contact.display_name = orNull(text(random, random.oneIn(9) ? 256 : 30))
  if (random.oneIn(2)) contact.email = orNull(`a${text(random, 20, plain)}@b${text(random, 20, plain)}`)
  if (random.oneIn(3)) contact.avatar_url = orNull(`https://a.example/${text(random, 40, plain)}`)
  if (random.oneIn(3)) contact.tags = random.list(random.oneIn(9) ? 50 : 4, () => text(random, 10))
  if (random.oneIn(2)) contact.metadata = object(random, random.int(random.oneIn(20) ? 14 : 4))
  if (random.oneIn(50)) contact.metadata = { pad: 'x'.repeat(20_000 + random.int(3_000)) }
  return contact
}

/** Whether two JSON values are the same; −0 is 0 in JSON. */
export const isSame = (one: unknown, other: unknown): boolean => {
  if (one === other) return true
  if (!one || !other || typeof one !== 'object' || typeof other !== 'object') return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  const keys = Object.keys(one)
  return (
    keys.length === Object.keys(other).length &&
    keys.every(
      (key) =>
        Object.hasOwn(other, key) &&
        isSame((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]),
    )
  )
}
