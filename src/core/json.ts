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
  const keys = Object.keys(json)
  return (
    value.constructor === json.constructor &&
    Object.keys(value).length === keys.length &&
    keys.every((key) => isSame((value as Record<string, unknown>)[key], (json as Record<string, unknown>)[key]))
  )
}
