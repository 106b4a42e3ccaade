import { OrqError } from '../core/errors.ts'
import type { Clock } from '../core/ports.ts'
import type { Store } from '../store/store.ts'
import type { EventListener, StoreOperation } from './events.ts'

/** What a person has to fix, in our own words: an error of the database may hold what was to be written. */
const problemOf = (error: unknown): string | undefined => (error instanceof OrqError ? error.message : undefined)

/** The same store, which tells of each put and of whatever else fails. What comes of a failure is the caller's affair. */
export const watchStore = (store: Store, clock: Clock, onEvent: EventListener): Store => {
  const tell = (operation: StoreOperation, error: unknown): void =>
    onEvent({ type: 'store_failed', operation, problem: problemOf(error) })
  const watch =
    <Args extends unknown[], Result>(operation: StoreOperation, call: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> =>
      call(...args).catch((error) => {
        tell(operation, error)
        throw error
      })
  store.onUpkeepFailure?.((error) => tell('upkeep', error))
  return {
    ...store,
    put: async (update, options) => {
      const start = clock.monotonic()
      try {
        const result = await store.put(update, options)
        onEvent({ type: 'put', result: result.kind, ms: clock.monotonic() - start })
        return result
      } catch (error) {
        onEvent({ type: 'put', result: 'failed', ms: clock.monotonic() - start, problem: problemOf(error) })
        throw error
      }
    },
    claim: watch('claim', store.claim),
    look: watch('look', store.look),
    done: watch('done', store.done),
    park: watch('park', store.park),
    retry: watch('retry', store.retry),
    release: watch('release', store.release),
  }
}
