import type { ClientOptions } from 'orq-identify'
import { textOf } from './text-of.ts'

/** The options of the last rendering that is on the page. */
export interface Latest {
  readonly current: ClientOptions
}

/**
 * The options for `init`, with a `token` and a `beforeSend` that use the latest ones. What is absent at the mount stays
 * absent: with a `token`, the client would not ask its own token route.
 */
export const toLiveOptions = (latest: Latest): ClientOptions => {
  const options = { ...latest.current }
  const { token, beforeSend } = options
  // A value of another kind goes to `init` as it is, which names it in its error.
  if (typeof token === 'function' || typeof token === 'string')
    options.token = (externalId) => {
      const now = latest.current.token
      return typeof now === 'function' ? now(externalId) : now
    }
  if (typeof beforeSend === 'function')
    options.beforeSend = (contact) => {
      const now = latest.current.beforeSend
      return now ? now(contact) : contact
    }
  return options
}

/** Without those that follow their props, and without functions and objects of functions, which are often made anew. */
const textsOf = ({
  token,
  beforeSend,
  consent,
  fetch,
  storage,
  clock,
  ...fixed
}: ClientOptions): Map<string, string | undefined> =>
  new Map(Object.entries(fixed).map(([name, value]) => [name, textOf(value)]))

const isGiven = (value: unknown): boolean => value !== undefined && value !== null

const lost = {
  token: 'nobody counts as signed in. Keep a function, and let it return null',
  beforeSend: 'contacts go as they are. Keep a function, and let it return the contact',
}

/** @returns a line for each option that differs from the mount's where that has no effect, or a surprising one */
export const lateChanges = (mounted: ClientOptions, now: ClientOptions): string[] => {
  const before = textsOf(mounted)
  const after = textsOf(now)
  const lines = [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => `<OrqProvider> reads ${name} once, at the mount. For a client with the new value, change its key`)
  for (const name of ['token', 'beforeSend'] as const) {
    // '' is a token: nobody is signed in.
    const had = isGiven(mounted[name])
    const has = isGiven(now[name])
    if (!had && has) lines.push(`<OrqProvider> ignores a ${name} that appears after the mount. Give one at the mount`)
    if (had && !has) lines.push(`<OrqProvider> lost its ${name} after the mount: ${lost[name]}`)
  }
  return lines
}
