import type { Clock } from '../core/ports.ts'
import { nextDelay } from '../core/retry.ts'
import type { EventListener } from './events.ts'

/** How many calls may be made, as upstream's answers suggest. */
export interface Pace {
  /** False while it pauses or probes. */
  isOpen(): boolean
  /** How many more calls may start while `taken` are on the wire. */
  free(taken: number): number
  /** How long nothing may start, in milliseconds. */
  waitMs(): number
  /** Upstream takes requests. */
  passed(): void
  /** @param pauseMs what upstream asked everybody to wait */
  failed(externalId: string, how: 'retry' | 'blocked', pauseMs?: number): void
}

export interface PaceOptions {
  concurrency: number
  clock: Clock
  random(): number
  onEvent?: EventListener | undefined
}

/** Failures in a row from as many different contacts: one contact with a problem of its own slows nobody. */
const limits = { retry: 5, blocked: 3 } as const
const blockedProbeMs = 60_000
/** A probe finds out soon that upstream is back, and costs it nothing to speak of. */
const probeBackoff = { backoff: { initialInterval: 500, maxInterval: 5_000 } }

/** All of it by the monotonic clock: a clock that is set neither prolongs nor ends a pause. */
export const createPace = ({ concurrency, clock, random, onEvent }: PaceOptions): Pace => {
  let mode: 'open' | 'failing' | 'blocked' = 'open'
  /** Different contacts of the latest failures of one kind. */
  let streak: { how: 'retry' | 'blocked'; ids: Set<string> } = { how: 'retry', ids: new Set() }
  let pausedUntil = 0
  let probeAt = 0
  let probes = 0
  /** Whether a pause was told whose end was not. */
  let isTold = false

  const waitMs = (): number => {
    const until = mode === 'open' ? pausedUntil : Math.max(pausedUntil, probeAt)
    return Math.max(0, until - clock.monotonic())
  }

  const tell = (why: 'retry_after' | 'failing' | 'blocked', ms: number): void => {
    isTold = true
    onEvent?.({ type: 'paused', why, ms })
  }

  const pause = (why: 'failing' | 'blocked'): void => {
    const now = clock.monotonic()
    // Those that were on the wire when it began say nothing new.
    if (mode === why && now < probeAt) return
    const ms = why === 'blocked' ? blockedProbeMs : (nextDelay(probeBackoff, probes++, 0, random()) as number)
    probeAt = now + ms
    if (mode !== why) tell(why, ms)
    mode = why
  }

  return {
    isOpen: () => mode === 'open' && waitMs() === 0,
    free: (taken) => {
      if (waitMs() > 0) return 0
      if (mode === 'open') return Math.max(0, concurrency - taken)
      return taken === 0 ? 1 : 0
    },
    waitMs,
    passed: () => {
      streak.ids.clear()
      probes = 0
      mode = 'open'
      // What was on the wire when upstream asked for a pause does not end it.
      if (!isTold || waitMs() > 0) return
      isTold = false
      onEvent?.({ type: 'resumed' })
    },
    failed: (externalId, how, pauseMs) => {
      if (streak.how !== how) streak = { how, ids: new Set() }
      if (streak.ids.size < limits[how]) streak.ids.add(externalId)
      if (pauseMs) {
        if (waitMs() === 0) tell('retry_after', pauseMs)
        // Also where a longer pause runs: that may end early.
        pausedUntil = Math.max(pausedUntil, clock.monotonic() + pauseMs)
      }
      if (how === 'blocked' && (streak.ids.size >= limits.blocked || mode === 'blocked')) pause('blocked')
      else if (mode !== 'open') pause(mode)
      else if (how === 'retry' && streak.ids.size >= limits.retry) pause('failing')
    },
  }
}
