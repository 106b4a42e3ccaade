/**
 * The text of plain JSON, whatever a page has hung on its prototypes: with the `Array.prototype.toJSON` of an old library,
 * `JSON.stringify` makes texts of arrays.
 */
export const toText = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(toText).join()}]`
  if (typeof value !== 'object' || !value) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}:${toText(item)}`)
    .join()}}`
}

/** True for an object that JSON keeps whole. Any prototype will do: other windows have their own. Not for a Map, a Set and the like. */
export const isObject = (value: unknown): value is object => ({}).toString.call(value) === '[object Object]'

/** A value as plain JSON; undefined for what is none. */
export const toJson = (value: unknown): unknown => {
  try {
    return JSON.parse(JSON.stringify(value))
  } catch {
    return undefined
  }
}

/**
 * True where a value has nothing but what this plain JSON has. False may also mean that it cannot be told: of an object of
 * another window, or with a key that is undefined.
 */
export const isSame = (value: unknown, json: unknown): boolean => {
  if (value === json) return true
  if (typeof value !== 'object' || typeof json !== 'object' || !value || !json) return false
  if (Array.isArray(value)) {
    if (!Array.isArray(json) || value.length !== json.length) return false
    // By index: an empty place is no JSON.
    for (let n = 0; n < json.length; n++) if (!isSame(value[n], json[n])) return false
    return true
  }
  if (value.constructor !== json.constructor) return false
  const own = value as Record<string, unknown>
  const other = json as Record<string, unknown>
  // What a page has hung on all objects counts on both sides.
  let more = 0
  for (const key in own) {
    // A call less for most values: this is the way of a call that is made again and again.
    if (own[key] !== other[key] && !isSame(own[key], other[key])) return false
    more++
  }
  for (const _ in other) more--
  return !more
}
