// Not the global one: a test runner's fake timers replace that.
import { setImmediate } from 'node:timers'
import type { Clock } from '../core/ports.ts'

/** A clock that moves only when told. */
export interface FakeClock extends Clock {
  /** Lets `ms` pass, running what comes due in order, and everything that follows from it. */
  advance(ms: number): Promise<void>
  /** Sets the wall clock, as a person or NTP does; timers and the monotonic clock go on. */
  set(now: number): void
  /** How many timers wait. */
  timers(): number
  /** How long each timer was set for, in order, in milliseconds. */
  readonly waits: number[]
}

/** Where a fake clock begins, and what it waits for. */
export interface FakeClockOptions {
  /** What the clock shows first, in milliseconds since the epoch. @defaultValue 1800000000000, in January 2027 */
  begin?: number | undefined
  /** Waits until nothing goes on that no timer of this clock holds up. @defaultValue four turns of the event loop */
  settle?: (() => Promise<void>) | undefined
}

/** Four turns of the event loop: promises, streams and what they start are done then, where no disk or socket is asked. */
export const fewTurns = async (): Promise<void> => {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** For the port `clock` of `createOrq` and `createProxy`: time stands still but for `advance` and `set`. */
export const fakeClock = ({ begin = 1_800_000_000_000, settle = fewTurns }: FakeClockOptions = {}): FakeClock => {
  let start = begin
  let elapsed = 0
  const timers = new Set<{ at: number; task: () => void }>()
  const waits: number[] = []
  return {
    waits,
    // Whole, as Date.now is: back-offs have fractions.
    now: () => Math.floor(start + elapsed),
    set: (now) => {
      start = now - elapsed
    },
    monotonic: () => elapsed,
    after: (ms, task) => {
      const timer = { at: elapsed + ms, task }
      waits.push(ms)
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance: async (ms) => {
      const end = elapsed + ms
      await settle()
      for (;;) {
        const next = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        timers.delete(next)
        elapsed = Math.max(elapsed, next.at)
        next.task()
        await settle()
      }
      elapsed = end
    },
    timers: () => timers.size,
  }
}
