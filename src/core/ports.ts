/** Time as an argument: the core reads no clock of its own. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump when a person or NTP sets the device's clock. */
  now(): number
  /** Milliseconds from an arbitrary start; never runs backwards. */
  monotonic(): number
  /** Runs `task` once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, task: () => void): () => void
}

/** Never throws: a failed read is undefined, a failed write is kept in memory. Browsers may deny storage at any time. */
export interface KeyValueStore {
  /** The text under a key; undefined when there is none. */
  get(key: string): string | undefined
  /** `undefined` removes the key. */
  set(key: string, value: string | undefined): void
}

/**
 * `globalThis.fetch`, or anything that behaves like it: takes a URL or a `Request`, rejects when there is no answer, and
 * heeds the signal of either argument.
 */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms)
    return () => clearTimeout(timer)
  },
}
