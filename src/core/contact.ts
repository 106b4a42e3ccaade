import { isObject } from './json.ts'

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
  /** The key inside the field whose value JSON cannot hold, such as `plan.limits`. */
  key?: string | undefined
}

/** The largest body of one contact, in bytes of UTF-8 JSON. */
export const maxBodyBytes = 32_000

/** The path to a value that JSON would lose or change. Of a class of its own: what a getter throws is not ours to show. */
class NoJson {
  constructor(readonly path: readonly string[]) {}
}

/**
 * A fresh deep copy with sorted keys, so that equal values have equal JSON. Throws at whatever JSON would lose or
 * change, at depth over 16 (which ends cycles too), at more nodes than a body can hold, and at keys that reach a
 * prototype; what it throws is the path to the value. Lone surrogates and NUL: PostgreSQL refuses them, SQLite takes different ones for the same character.
 */
const copyJson = (value: unknown, path: readonly string[], size: { left: number }): Json => {
  const check = (isGood: boolean): void => {
    if (!isGood) throw new NoJson(path)
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
  check(typeof value === 'object' && path.length < 16)
  // Before `toJSON`, which old libraries give to all arrays. By index, as an empty place is no JSON either.
  if (Array.isArray(value)) return Array.from(value, (item, index) => copyJson(item, [...path, `${index}`], size))
  const { toJSON } = value as { toJSON?: unknown }
  // Of a Date without a time it gives null.
  if (typeof toJSON === 'function') return copyJson(toJSON.call(value) ?? toJSON, path, size)
  check(isObject(value))
  const copy: { [key: string]: Json } = {}
  for (const key of Object.keys(value as object).sort()) {
    const inside = [...path, key]
    try {
      const item = (value as Record<string, unknown>)[key]
      copyJson(key, inside, size)
      if (key.length > 128 || /^(__proto__|constructor|prototype)$/.test(key)) throw 0
      if (item !== undefined) copy[key] = copyJson(item, inside, size)
    } catch (error) {
      // A getter may throw anything.
      throw error instanceof NoJson ? error : new NoJson(inside)
    }
  }
  return copy
}

const isShort = (value: Json, max: number, form = /^/): value is string =>
  typeof value === 'string' && value.length <= max && form.test(value)

/** A text of at most `max` units, or null. */
const text =
  (max: number, form?: RegExp) =>
  (value: Json): boolean =>
    value === null || isShort(value, max, form)

/** The one table of fields, limits and forms, for the page and the proxy. Lengths count UTF-16 units. */
const rules: { [name in keyof Contact]-?: (value: Json) => boolean } = {
  // "." and ".." change a path, and an id of the contacts API's own form names another contact in it.
  external_id: (id) => isShort(id, 120, /^(?!(\.{0,2}|contact_\w{26})$)/i),
  display_name: /* @__PURE__ */ text(256),
  email: /* @__PURE__ */ text(254, /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u),
  avatar_url: (url) => url === null || (isShort(url, 2048, /^https?:\/\/\S+$/i) && !!new URL(url)),
  tags: (tags) => Array.isArray(tags) && tags.length < 51 && tags.every((tag) => isShort(tag, 64)),
  metadata: (data) => !!data && !Array.isArray(data) && typeof data === 'object' && Object.keys(data).length < 101,
}

/** What each field may be, in words. */
const hints: { [name in keyof Contact]-?: string } = {
  external_id: '1 to 120 characters, not "." or ".."',
  display_name: 'null or at most 256 characters',
  email: 'null or an e-mail address of at most 254 characters',
  avatar_url: 'null or an http(s) URL of at most 2048 characters',
  tags: 'at most 50 tags of at most 64 characters',
  metadata: 'a JSON object of at most 100 keys and 16 levels',
}

/** True for `external_id` and the fields, in the names of the wire. */
export const isContactKey = (name: string): name is keyof Contact => Object.hasOwn(rules, name)

// Marked as pure, so that a file which does not use it need not carry the table.
export const fieldNames: readonly FieldName[] = /* @__PURE__ */ Object.keys(rules).slice(1) as FieldName[]

/** The UTF-8 length of a text, in bytes. */
export const byteLength = (text: string): number => new TextEncoder().encode(text).length

/** What a field may be, in words; for any other name, that it is none. */
export const hintOf = (path: string): string =>
  Object.hasOwn(hints, path) ? hints[path as FieldName] : 'not a field of a contact'

/**
 * Checks and copies an untrusted contact. Undefined fields are left out; every other key must be known.
 * @returns a fresh contact with sorted metadata keys and unique tags, or where the first problem is. Never throws.
 */
export const copyContact = (input: unknown): Contact | Omit<Problem, 'hint'> => {
  let path = 'external_id'
  try {
    const given = input as Record<string, unknown>
    const contact: Record<string, Json> = {}
    for (path of new Set(['external_id', ...Object.keys(given)])) {
      if (given[path] === undefined && path !== 'external_id') continue
      const copy = copyJson(given[path], [], { left: maxBodyBytes })
      if (!isContactKey(path) || !rules[path](copy)) throw path
      contact[path] = Array.isArray(copy) ? [...new Set(copy)] : copy
    }
    return contact as unknown as Contact
  } catch (error) {
    return { path: path.slice(0, 128), ...(error instanceof NoJson && { key: error.path.join('.').slice(0, 128) }) }
  }
}

/** Of an own property: a page may hang anything on all objects. */
export const isProblem = <Problem extends { path: string }>(checked: Contact | Problem): checked is Problem =>
  Object.hasOwn(checked, 'path')

/** The same, and what would be right. */
export const parseContact = (input: unknown): Contact | Problem => {
  const contact = copyContact(input)
  return isProblem(contact) ? { path: contact.path, hint: hintOf(contact.path) } : contact
}

/** What many programs make of nobody: no id, though some of it is a text. */
export const isNobody = (id: unknown): boolean => /^\s*(undefined|null|NaN|false)?\s*$/.test(`${id}`)

/** True for what may stand as `external_id`. */
export const isExternalId = (value: unknown): value is string => 'external_id' in parseContact({ external_id: value })

/** The merge rule: the later value of each field. The same for joined calls, waiting rows and stored contacts. */
export const mergeFields = (earlier: Fields, later: Fields): Fields => ({ ...earlier, ...later })
