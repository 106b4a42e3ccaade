import { systemClock } from '../../../core/ports.ts'
import type { Entry } from '../../../store/entry.ts'
import type { Command } from '../command.ts'
import { ageText, dueText, reasonText } from './entry-text.ts'
import { createStoreCommand } from './store-command.ts'

// Of at most 64 kB each.
const pageRows = 100

const columns = (...[id, state, attempts, age, due, reason]: string[]): string =>
  `${id?.padEnd(32)}  ${state?.padEnd(10)}  ${attempts?.padStart(8)}  ${age?.padStart(4)}  ${due?.padEnd(6)}  ${reason}`

const timeOf = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString())

/** Names of fields, and no value of one. */
const recordOf = (entry: Entry) => ({
  id: entry.id,
  state: entry.state,
  attempts: entry.attempts,
  since: timeOf(entry.since),
  due: timeOf(entry.due),
  reason: entry.reason ?? null,
  fields: Object.keys(entry.fields),
  parked: Object.fromEntries(Object.entries(entry.parked).map(([field, { reason }]) => [field, reason])),
})

export const listCommand: Command = createStoreCommand({
  name: 'list',
  description: 'Lists what waits or was refused, by hashed id',
  args: { json: { type: 'boolean', description: 'One JSON object per line, for scripts' } },
  run: async (store, { json }, { print, printed }) => {
    const head = columns('ID', 'STATE', 'ATTEMPTS', 'AGE', 'DUE', 'REASON')
    for (let after: string | undefined; ; ) {
      const page = await store.list({ after, limit: pageRows })
      if (!json && after === undefined) print(page.length ? head : 'Nothing waits.')
      const now = systemClock.now()
      for (const entry of page)
        print(
          json
            ? JSON.stringify(recordOf(entry))
            : columns(
                entry.id,
                entry.state,
                `${entry.attempts}`,
                ageText(entry, now),
                dueText(entry, now),
                reasonText(entry),
              ),
        )
      if (page.length < pageRows || !(await printed())) return
      after = page.at(-1)?.id
    }
  },
})
