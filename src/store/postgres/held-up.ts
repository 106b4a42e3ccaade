import type { Waiting } from './turn.ts'

/** Jobs that a transaction had to leave: somebody else holds what they need. */
export interface Held {
  jobs: readonly Waiting[]
  /** False: what one of them needs is held, and nobody can say whose it is. */
  isKnown: boolean
}

/** Where jobs wait for somebody else to end, and nobody waits for them. Those of one contact stay in their order. */
export interface HeldUp {
  /** Whether jobs of this contact wait here: those that come later have to as well. */
  has(key: string): boolean
  add(held: Held): void
  /** Those that are not being tried. */
  rejectAll(error: unknown): void
}

export interface HeldUpOptions {
  /** Never rejects. @returns those that are still held */
  commit(jobs: readonly Waiting[]): Promise<Held>
  mostJobs: number
  /** The longest that a job waits for its transaction. */
  timeoutMs: number
}

/** A row that another process writes is free in a few milliseconds. */
const pauseMs = 20

export const createHeldUp = ({ commit, mostJobs, timeoutMs }: HeldUpOptions): HeldUp => {
  /** By contact, the one that was tried last at the end. */
  const lanes = new Map<string, Waiting[]>()
  /** Those that are tried one by one, to find out which of them it is. */
  const alone = new Set<string>()
  let isRunning = false

  const dropLate = (): void => {
    const first = performance.now() - timeoutMs
    for (const [key, lane] of lanes) {
      while (lane[0] && lane[0].since < first) lane.shift()?.reject(new Error('somebody else holds the row'))
      if (lane.length) continue
      lanes.delete(key)
      alone.delete(key)
    }
  }

  /** Takes out what is tried next; the lanes stay, so that nothing overtakes it. */
  const take = (): Map<string, Waiting[]> => {
    const taken = new Map<string, Waiting[]>()
    let room = mostJobs
    for (const [key, lane] of lanes) {
      if (room === 0) break
      if (alone.has(key) && taken.size) continue
      taken.set(key, lane.splice(0, room))
      room -= taken.get(key)?.length ?? 0
      if (alone.has(key)) break
    }
    return taken
  }

  const run = async (): Promise<void> => {
    isRunning = true
    for (dropLate(); lanes.size; dropLate()) {
      const taken = take()
      const held = await commit([...taken.values()].flat())
      const heldKeys = new Set(held.jobs.map(({ key }) => key))
      for (const [key, jobs] of taken) {
        if (!heldKeys.has(key)) continue
        const lane = lanes.get(key) as Waiting[]
        lanes.delete(key)
        lanes.set(key, [...jobs, ...lane])
        if (!held.isKnown) alone.add(key)
      }
      if (heldKeys.size) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
    isRunning = false
  }

  return {
    has: (key) => lanes.has(key),
    add: ({ jobs, isKnown }) => {
      for (const job of jobs) {
        const lane = lanes.get(job.key)
        if (lane) lane.push(job)
        else lanes.set(job.key, [job])
        if (!isKnown) alone.add(job.key)
      }
      if (!isRunning) void run()
    },
    rejectAll: (error) => {
      for (const lane of lanes.values()) for (const { reject } of lane.splice(0)) reject(error)
    },
  }
}
