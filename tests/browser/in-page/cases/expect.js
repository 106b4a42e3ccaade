const show = (value) => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text === undefined ? String(value) : text.slice(0, 600)
}

const sorted = (value) => {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  )
}

export const fail = (text) => {
  throw new Error(text)
}

export const ok = (value, text) => {
  if (!value) fail(text)
}

/** Equal as JSON, in whatever order of keys. */
export const equal = (given, wanted, text = 'value') => {
  const [left, right] = [JSON.stringify(sorted(given)), JSON.stringify(sorted(wanted))]
  if (left !== right) fail(`${text}: ${show(given)} instead of ${show(wanted)}`)
}

export const between = (given, least, most, text) =>
  ok(given >= least && given <= most, `${text}: ${given}, not between ${least} and ${most}`)

/** Thrown where an engine has no means to show a case. */
export class Cannot extends Error {}

export const cannot = (reason) => {
  throw new Cannot(reason)
}
