import { isObject } from '../core/json.ts'
import { type Clock, type Fetch, type KeyValueStore, systemClock } from '../core/ports.ts'
import type { RetryConfig } from '../core/retry.ts'
import type { ClientOptions } from './options.ts'
import { isSameOrigin, resolveUrl } from './url.ts'

/** The options with their defaults. */
export interface Settings extends ClientOptions {
  /** Absolute, without a slash at its end. */
  proxyUrl: string
  tokenUrl: string | undefined
  subjectClaim: string
  debounceMs: number
  maxWaitMs: number
  dedupeTtlMs: number
  outboxTtlMs: number
  timeoutMs: number
  settleMs: number
  retries: RetryConfig
  clock: Clock
  fetch: Fetch
  storage?: KeyValueStore
}

/** What an option may be, in words that `checkOption` reads too; its default; the range of a number. */
type Rule = readonly [kind: string, fallback?: unknown, least?: number, most?: number]

const longestTimerMs = 2 ** 31 - 1
const aUrl = 'a URL'
const aFlag = 'true or false'
const aTime = 'a number of milliseconds from '

/** The one table of options. Their comments stand in `ClientOptions`. */
export const optionTable: { readonly [name in keyof ClientOptions]-?: Rule } = {
  proxyUrl: [aUrl, '/orq'],
  token: ['a string or a function'],
  tokenUrl: [aUrl],
  subjectClaim: ['a string', 'sub'],
  debounceMs: [aTime, 250],
  maxWaitMs: [aTime, 2_000],
  dedupeTtlMs: [aTime, 86_400_000, 0, 1e15],
  outbox: ["'local' or 'memory'", 'local'],
  outboxTtlMs: [aTime, 604_800_000, 0, 1e15],
  retries: ['an object as RetryConfig, numbers from 1', {}],
  timeoutMs: [aTime, 10_000, 1],
  settleMs: [aTime, 12_000, 1],
  consent: ["'granted', 'pending' or 'denied'", 'granted'],
  respectPrivacySignals: [aFlag, false],
  beforeSend: ['a function'],
  debug: [aFlag, false],
  fetch: ['a function'],
  storage: ['an object with get, set'],
  clock: ['an object with now, monotonic, after'],
}

type OptionName = keyof ClientOptions
export const optionNames = /* @__PURE__ */ Object.keys(optionTable) as OptionName[]

const isRetryConfig = ({ strategy = 'none', backoff = {} }: RetryConfig): boolean =>
  (strategy === 'none' || strategy === 'backoff') &&
  isObject(backoff) &&
  Object.values(backoff).every((ms) => ms === undefined || (typeof ms === 'number' && ms >= 1 && ms <= longestTimerMs))

/** @returns the value, undefined when it is wrong. A text does for a number and a flag: a script tag has nothing else. */
const parse = ([kind, , least = 0, most = longestTimerMs]: Rule, given: unknown): unknown => {
  const type = typeof given
  if (kind === aUrl)
    return (type === 'string' || given instanceof URL) && given ? resolveUrl(given as string) : undefined
  if (kind === aFlag)
    return given === '' || given === 'true' || (given !== 'false' && (type === 'boolean' ? given : undefined))
  if (kind === aTime) {
    const ms = type === 'string' && (given as string).trim() ? Number(given) : given
    return typeof ms === 'number' && ms >= least && ms <= most ? ms : undefined
  }
  // Of an object its methods are looked at, of a choice its name.
  const methods = kind.split('with ')[1]?.split(', ') ?? []
  const isRight = kind.includes('RetryConfig')
    ? isObject(given) && isRetryConfig(given)
    : kind.includes(type) && given
      ? methods.every((name) => typeof Object(given)[name] === 'function')
      : type === 'string' && /^\w+$/.test(given as string) && kind.includes(`'${given}'`)
  return isRight || (given === '' && kind.includes('or a function')) ? given : undefined
}

/** @throws RangeError naming the option, what it may be and the kind of what was given, which may be a secret */
export const checkOption = (name: OptionName, given: unknown): unknown => {
  const rule = optionTable[name]
  const [kind, , least = 0, most = longestTimerMs] = rule
  let value: unknown
  try {
    value = parse(rule, given)
  } catch {
    // No URL.
  }
  if (value !== undefined) return value
  const range = kind === aTime ? `${least} to ${most}` : ''
  const type = typeof given
  throw RangeError(`orq: ${name} must be ${kind}${range}, got ${type === 'number' ? given : type}`)
}

/**
 * @returns undefined where there is no page and a URL is relative: nothing can be sent from there
 * @throws RangeError naming the option
 */
export const toSettings = (options: ClientOptions): Settings | undefined => {
  const settings: Record<string, unknown> = {
    clock: systemClock,
    // Looked up at each call: pages and extensions replace the global one after we have started.
    fetch: (...request: Parameters<Fetch>) => fetch(...request),
  }
  for (const name of optionNames) {
    const given = options[name] ?? optionTable[name][1]
    if (given !== undefined) settings[name] = checkOption(name, given)
  }
  const { proxyUrl, tokenUrl, token } = settings as unknown as Settings
  if (!proxyUrl || tokenUrl === '') return undefined
  settings['proxyUrl'] = proxyUrl.replace(/\/+$/, '')
  if (token === undefined && isSameOrigin(proxyUrl)) settings['tokenUrl'] ??= `${settings['proxyUrl']}/token`
  return settings as unknown as Settings
}
