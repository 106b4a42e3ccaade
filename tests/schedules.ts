import fc from 'fast-check'
import { expect } from 'vitest'
import { alsoInAll, isAll } from './is-all.ts'
import { announce, isLong } from './soak.ts'

const given = process.env['ORQ_SCHEDULES']
const seed = Number(process.env['ORQ_SEED'] ?? Date.now() % 2 ** 31)
const path = process.env['ORQ_PATH']

/** How long one model plays where time is the measure, which a busy machine does not stretch; undefined: a fixed number. */
const playMs = given ? undefined : isLong ? 600_000 : isAll ? 20_000 : undefined

/** For a test that plays schedules. Its time-out is far beyond `playMs`, as one that hangs has to end, too. */
export const scheduled: { tags: string[]; timeout: number } = {
  ...alsoInAll,
  timeout: given ? 86_400_000 : (playMs ?? 0) + 600_000,
}

/**
 * Plays random schedules: `few` of them in `npm test`, for a time in `npm run test:all` and `npm run soak`, and as many as
 * `ORQ_SCHEDULES` says. `ORQ_SEED` repeats a run; a failure prints its smallest schedule, too, and the path to it, which
 * `ORQ_PATH` repeats at once.
 */
export const playSchedules = async <T extends unknown[]>(
  what: string,
  property: fc.IAsyncProperty<T>,
  few: number,
): Promise<void> => {
  announce(`${what}: random schedules`, playMs)
  const numRuns = given ? Number(given) : few
  const end = Date.now() + (playMs ?? 0)
  let played = 0
  // In rounds, each with a seed of its own: a check that is interrupted would leave a schedule half played behind it.
  for (let round = seed; played === 0 || Date.now() < end; round++) {
    const details = await fc.check(property, { seed: round, ...(path && { path, endOnFailure: true }), numRuns })
    if (details.failed) {
      const message = await fc.asyncDefaultReportMessage(details)
      throw new Error(message, { cause: details.errorInstance })
    }
    expect(details.numRuns).toBeGreaterThan(0)
    played += details.numRuns
  }
  console.log(`${what}: ${played} random schedules, again with ORQ_SEED=${seed}`)
}
