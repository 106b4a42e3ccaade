import type { Clock } from '../core/ports.ts'

/** Counts requests by key, in token buckets. */
export interface Limiter {
  /**
   * Counts one request.
   * @returns undefined when it is within the limit, else how long to wait, in milliseconds
   */
  take(key: string): number | undefined
}

export interface LimiterOptions {
  /** As many at once, and as many more each minute. 0: no limit. */
  perMinute: number
  /** Keys remembered; of more the one used longest ago is forgotten, and has its full limit again. */
  maxKeys?: number | undefined
  clock: Pick<Clock, 'monotonic'>
}

export const createLimiter = ({ perMinute, maxKeys = 10_000, clock }: LimiterOptions): Limiter => {
  // In the order of use, the latest last.
  const buckets = new Map<string, { left: number; at: number }>()
  // One for good: a new one would step over the gaps that all those before have left.
  const oldest = buckets.keys()
  return {
    take: (key) => {
      if (perMinute === 0) return undefined
      const now = clock.monotonic()
      const bucket = buckets.get(key) ?? { left: perMinute, at: now }
      const left = Math.min(perMinute, bucket.left + ((now - bucket.at) * perMinute) / 60_000)
      const isWithin = left >= 1
      buckets.delete(key)
      buckets.set(key, { left: isWithin ? left - 1 : left, at: now })
      if (buckets.size > maxKeys) buckets.delete(oldest.next().value as string)
      return isWithin ? undefined : ((1 - left) * 60_000) / perMinute
    },
  }
}

/**
 * What an address is counted as. Of IPv6 the first 64 bits: a single customer has that many addresses to choose from
 * (RFC 6177). An IPv4 address in IPv6 form is counted as itself.
 */
export const networkOf = (address: string): string => {
  const plain = address.toLowerCase().replace(/%.*$/, '')
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain) ?? []
  if (mapped) return mapped
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.split('::')
  const parts = (text: string): string[] => (text ? text.split(':') : [])
  const missing = tail === undefined ? 0 : 8 - parts(head).length - parts(tail).length
  const groups = [...parts(head), ...Array(Math.max(0, missing)).fill('0'), ...parts(tail ?? '')]
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
