import { systemClock } from '../../../core/ports.ts'
import type { Command } from '../command.ts'
import { durationText } from './entry-text.ts'
import { createStoreCommand } from './store-command.ts'

export const statsCommand: Command = createStoreCommand({
  name: 'stats',
  description: 'Counts what waits and what was refused',
  args: { json: { type: 'boolean', description: 'One JSON object, for scripts' } },
  run: async (store, { json }, { print }) => {
    const { pending, parked, oldestPendingSince } = await store.stats()
    if (json) {
      const since = oldestPendingSince === undefined ? null : new Date(oldestPendingSince).toISOString()
      return print(JSON.stringify({ pending, parked, oldestPendingSince: since }))
    }
    const age =
      oldestPendingSince === undefined ? '' : `, the oldest for ${durationText(systemClock.now() - oldestPendingSince)}`
    print(`undelivered  ${pending}${age}`)
    print(`refused      ${parked}`)
  },
})
