import type { Clock } from '../../core/ports.ts'
import type { Database } from './database.ts'
import type { Pointers } from './pointers.ts'
import { createPrune } from './prune.ts'
import { sweepPage } from './sweep.ts'

export interface UpkeepOptions {
  database: Database
  schema: string
  pointers: Pointers
  clock: Clock
  onFailure(error: unknown): void
}

/** What is done from time to time, from now on, by whichever process comes to it. */
export interface Upkeep {
  /** Resolves when nothing runs any more. */
  stop(): Promise<void>
}

interface Task {
  /** Does a part of it. @returns whether there is more to do at once */
  run(): Promise<boolean>
  everyMs: number
  /** Rests for so many times as long as a part took, before the next one. */
  rest: number
}

/** And once all is done for so many times as long as it took, but not for long: what is to be repaired waits. */
const restFactor = 20
const longestRestMs = 30_000

export const createUpkeep = ({ database, schema, pointers, clock, onFailure }: UpkeepOptions): Upkeep => {
  const prune = createPrune(database, schema)
  const tasks: readonly Task[] = [
    { run: () => sweepPage(database, { schema, pointers }), everyMs: 5_000, rest: 0 },
    { run: prune.page, everyMs: 60_000, rest: 1 },
  ]
  let isStopped = false
  const running = new Set<Promise<void>>()
  const cancels = new Map<Task, () => void>()

  const repeat = (task: Task): void => {
    let took = 0
    const run = (): void => {
      const start = clock.monotonic()
      const ended = task
        .run()
        // A database that is away is asked again at the next turn.
        .catch((error) => {
          onFailure(error)
          return false
        })
        .then((hasMore) => {
          running.delete(ended)
          if (isStopped) return
          const part = clock.monotonic() - start
          took += part
          const restMs = hasMore ? part * task.rest : Math.max(task.everyMs, Math.min(longestRestMs, restFactor * took))
          if (!hasMore) took = 0
          cancels.set(task, clock.after(restMs, run))
        })
      running.add(ended)
    }
    run()
  }
  for (const task of tasks) repeat(task)

  return {
    stop: async () => {
      isStopped = true
      for (const cancel of cancels.values()) cancel()
      await Promise.all(running)
    },
  }
}
