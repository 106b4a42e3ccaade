/**
 * A JSON value (RFC 8259) that arrives as it left: numbers finite, whole ones within ±(2⁵³−1), no NUL or lone surrogate in
 * a text, no key `__proto__`, `constructor` or `prototype`.
 */
export type Json = string | number | boolean | null | Json[] | JsonObject

/** A JSON object. Keys of at most 128 UTF-16 units. */
interface JsonObject {
  /** Any value, at most 16 levels deep in all. */
  [key: string]: Json
}

/**
 * What can be said about a contact. An absent field is kept as it is upstream; null, `[]` and `{}` clear it. Lengths
 * count UTF-16 units.
 */
export interface Fields {
  /** At most 256. */
  display_name?: string | null
  /** At most 254, with one `@` between. */
  email?: string | null
  /** An absolute http or https URL of at most 2048. */
  avatar_url?: string | null
  /** At most 50 of at most 64 each. */
  tags?: string[]
  /** Replaced as a whole: a key that the new object lacks is gone. At most 100 keys and 16 levels. */
  metadata?: JsonObject
}

/** A contact as it travels: its id and the fields to be written, at most 32 000 bytes of JSON in all. */
export interface Contact extends Fields {
  /** Your own id of the person: 1 to 120 UTF-16 units, compared unit by unit; not `.` or `..`, which change a path. */
  external_id: string
}

/** A field that can be written, or forbidden by a token; `external_id` names the contact and is none. */
export type FieldName = keyof Fields

/** Where an input is wrong and what would be right. Never the value. */
export interface Problem {
  path: string
  hint: string
}

/** The largest body of one contact, in bytes of UTF-8 JSON. */
export const maxBodyBytes = 32_000

/**
 * A fresh deep copy with sorted keys, so that equal values have equal JSON. Throws at whatever JSON would lose or
 * change, at depth over 16 (which ends cycles too), at more nodes than a body can hold, and at keys that reach a
 * prototype. Lone surrogates and NUL: PostgreSQL refuses them, SQLite takes different ones for the same character.
 */
const copyJson = (value: unknown, depth: number, size: { left: number }): Json => {
  const check = (isGood: boolean): void => {
    if (!isGood) throw depth
  }
  check(--size.left > 0)
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'string') {
    check(!/[\0\p{Cs}]/u.test(value))
    return value
  }
  if (typeof value === 'number') {
    check(Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value))
    return value
  }
  // Containers only: a text at the seventeenth level is in the sixteenth.
  check(typeof value === 'object' && depth < 17)
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function') return copyJson(toJSON.call(value), depth + 1, size)
  if (Array.isArray(value)) {
    const list: Json[] = []
    for (const item of value) list.push(copyJson(item ?? null, depth + 1, size))
    return list
  }
  const copy: { [key: string]: Json } = {}
  for (const key of Object.keys(value as object).sort()) {
    const item = (value as Record<string, unknown>)[key]
    check(isShort(copyJson(key, depth, size), 128) && !/^(__proto__|constructor|prototype)$/.test(key))
    if (item !== undefined) copy[key] = copyJson(item, depth + 1, size)
  }
  return copy
}

const isShort = (value: Json, max: number, form = /^/): value is string =>
  typeof value === 'string' && value.length <= max && form.test(value)

/** The one table of fields, limits and forms, for the page and the proxy. Lengths count UTF-16 units. */
const rules: { [name in keyof Contact]-?: [isValid: (value: Json) => boolean, hint: string] } = {
  // "." and ".." change a path, and an id of the contacts API's own form names another contact in it.
  external_id: [(id) => isShort(id, 120, /^(?!(\.{0,2}|contact_\w{26})$)/i), '1 to 120 characters, not "." or ".."'],
  display_name: [(name) => name === null || isShort(name, 256), 'null or at most 256 characters'],
  email: [
    (email) => email === null || isShort(email, 254, /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u),
    'null or an e-mail address of at most 254 characters',
  ],
  avatar_url: [
    (url) => url === null || (isShort(url, 2048, /^https?:\/\/\S+$/i) && !!new URL(url)),
    'null or an http(s) URL of at most 2048 characters',
  ],
  tags: [
    (tags) => Array.isArray(tags) && tags.length < 51 && tags.every((tag) => isShort(tag, 64)),
    'at most 50 tags of at most 64 characters',
  ],
  metadata: [
    (data) => !!data && !Array.isArray(data) && typeof data === 'object' && Object.keys(data).length < 101,
    'a JSON object of at most 100 keys and 16 levels',
  ],
}

// Marked as pure, so that a file which uses neither need not carry the table.
const names = /* @__PURE__ */ Object.keys(rules)

export const fieldNames: readonly FieldName[] = /* @__PURE__ */ names.slice(1) as FieldName[]

/** The UTF-8 length of a text, in bytes. */
export const byteLength = (text: string): number => new TextEncoder().encode(text).length

/**
 * Checks and copies an untrusted contact. Undefined fields are left out; every other key must be known.
 * @returns a fresh contact with sorted metadata keys and unique tags, or the first problem. Never throws.
 */
export const parseContact = (input: unknown): Contact | Problem => {
  let path = 'external_id'
  try {
    const given = input as Record<string, unknown>
    const contact: Record<string, Json> = {}
    for (path of new Set(['external_id', ...Object.keys(given)])) {
      if (given[path] === undefined && path !== 'external_id') continue
      const [isValid] = rules[names.includes(path) ? (path as FieldName) : ('' as FieldName)]
      const copy = copyJson(given[path], 1, { left: maxBodyBytes })
      if (!isValid(copy)) throw path
      contact[path] = Array.isArray(copy) ? [...new Set(copy)] : copy
    }
    return contact as unknown as Contact
  } catch {
    path = path.slice(0, 128)
    return { path, hint: names.includes(path) ? rules[path as FieldName][1] : 'not a field of a contact' }
  }
}

/** True for what may stand as `external_id`. */
export const isExternalId = (value: unknown): value is string => 'external_id' in parseContact({ external_id: value })

/** The merge rule: the later value of each field. The same for joined calls, waiting rows and stored contacts. */
export const mergeFields = (earlier: Fields, later: Fields): Fields => ({ ...earlier, ...later })
