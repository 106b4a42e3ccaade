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
