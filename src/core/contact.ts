/** A JSON value. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** What can be said about a contact. An absent field is kept as it is upstream; null, `[]` and `{}` clear it. */
export interface Fields {
  display_name?: string | null
  email?: string | null
  avatar_url?: string | null
  tags?: string[]
  /** Replaced as a whole: a key that the new object lacks is gone. */
  metadata?: { [key: string]: Json }
}

/** A contact as it travels: its id and the fields to be written. */
export interface Contact extends Fields {
  external_id: string
}

export type FieldName = keyof Fields

/** Where an input is wrong and what would be right. Never the value. */
export interface Problem {
  path: string
  mend: string
}

/** The largest body of one contact, in bytes of UTF-8 JSON. */
export const maxBodyBytes = 32_000

// Lone surrogates and NUL: PostgreSQL refuses them, and SQLite stores different lone surrogates as the same character.
const malformed = /[\0\p{Cs}]/u

const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length <= max && !malformed.test(value)

const isUrl = (value: string): boolean => {
  try {
    return /^https?:\/\/\S+$/i.test(value) && !!new URL(value)
  } catch {
    return false
  }
}

/**
 * A fresh deep copy with sorted keys, so that equal values have equal JSON. Throws at anything that JSON would lose
 * or change: NaN, BigInt, functions, integers beyond 2^53 - 1, depth over 16 (which ends cycles too), more nodes than
 * a body could hold, and keys that reach a prototype.
 */
const copyJson = (value: unknown, depth: number, size: { left: number }): Json => {
  if (depth > 16 || --size.left < 0) throw depth
  if (value === null || typeof value === 'boolean' || isText(value, maxBodyBytes)) return value
  if (typeof value === 'number' && Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)))
    return value
  if (typeof value !== 'object') throw value
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function') return copyJson(toJSON.call(value, ''), depth + 1, size)
  if (Array.isArray(value)) {
    const list: Json[] = []
    for (const item of value) list.push(copyJson(item ?? null, depth + 1, size))
    return list
  }
  const copy: { [key: string]: Json } = {}
  for (const key of Object.keys(value).sort()) {
    const item = (value as Record<string, unknown>)[key]
    if (!isText(key, 128) || /^(__proto__|constructor|prototype)$/.test(key)) throw depth
    if (item !== undefined) copy[key] = copyJson(item, depth + 1, size)
  }
  return copy
}

type Rule = [parse: (value: unknown) => Json | undefined, mend: string]

const text = (max: number, test: (value: string) => boolean, mend: string): Rule => [
  (value) => (value === null || (isText(value, max) && test(value)) ? value : undefined),
  `${mend}, at most ${max} characters, or null`,
]

/** The one table of fields, limits and checks, for the page and the proxy. Lengths count UTF-16 units. */
const rules: { [name in FieldName]-?: Rule } = {
  display_name: text(256, () => true, 'a string'),
  email: text(254, (value) => /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(value), 'an e-mail address'),
  avatar_url: text(2048, isUrl, 'an absolute http(s) URL'),
  tags: [
    (value) => {
      if (!Array.isArray(value) || value.length > 50) return
      return value.every((tag) => isText(tag, 64)) ? [...new Set<string>(value)] : undefined
    },
    'at most 50 strings of at most 64 characters',
  ],
  metadata: [
    (value) => {
      if (!value || typeof value !== 'object' || Array.isArray(value)) return
      const copy = copyJson(value, 1, { left: maxBodyBytes })
      return copy && Object.keys(copy).length <= 100 ? copy : undefined
    },
    'a JSON object of at most 100 keys, 16 levels and finite numbers',
  ],
}

export const fieldNames: readonly FieldName[] = Object.keys(rules) as FieldName[]

/** True for a string of 1 to 120 well-formed UTF-16 units that names one contact in a URL path too. */
export const isExternalId = (value: unknown): value is string =>
  isText(value, 120) && !/^(\.?\.?|contact_[0-9A-HJKMNP-TV-Z]{26})$/i.test(value)

/** The UTF-8 length of a text, in bytes. */
export const byteLength = (value: string): number => new TextEncoder().encode(value).length

/**
 * Checks and copies an untrusted contact. Undefined fields are left out; every other key must be known.
 * @returns a fresh contact with sorted metadata keys and unique tags, or the first problem. Never throws.
 */
export const parseContact = (input: unknown): Contact | Problem => {
  let path = 'external_id'
  try {
    const given = input as Record<string, unknown>
    const contact: Record<string, Json> = {}
    const id = given[path]
    if (!isExternalId(id)) return { path, mend: 'a string of 1 to 120 characters, not "." or ".."' }
    contact[path] = id
    for (path of Object.keys(given)) {
      const value = given[path]
      if (path === 'external_id' || value === undefined) continue
      if (!Object.hasOwn(rules, path)) return { path: path.slice(0, 128), mend: 'not a field of a contact' }
      const copy = rules[path as FieldName][0](value)
      if (copy === undefined) throw path
      contact[path] = copy
    }
    return contact as unknown as Contact
  } catch {
    return { path, mend: rules[path as FieldName]?.[1] ?? 'a plain object' }
  }
}

/** The merge rule: the later value of each field. The same for joined calls, waiting rows and stored contacts. */
export const mergeFields = (earlier: Fields, later: Fields): Fields => ({ ...earlier, ...later })
