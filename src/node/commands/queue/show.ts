import { systemClock } from '../../../core/ports.ts'
import type { Command } from '../command.ts'
import { ageText, dueText } from './entry-text.ts'
import { findEntry, idArgument } from './find-entry.ts'
import { createStoreCommand } from './store-command.ts'

export const showCommand: Command = createStoreCommand({
  name: 'show',
  description: 'Prints one contact with its undelivered and refused values: personal data',
  args: { ...idArgument, json: { type: 'boolean', description: 'One JSON object, for scripts' } },
  run: async (store, flags, { print }) => {
    const entry = await findEntry(store, flags)
    if (flags['json']) return print(JSON.stringify(entry))
    const { id, state, externalId, fields, parked, attempts, reason } = entry
    const now = systemClock.now()
    const say = (name: string, value: string): void => print(`${name.padEnd(13)} ${value}`)
    say('id', id)
    say('state', state)
    if (externalId !== undefined) say('external_id', JSON.stringify(externalId))
    say('age', ageText(entry, now))
    say('due', dueText(entry, now))
    say('attempts', `${attempts}${reason === undefined ? '' : `, the last: ${reason}`}`)
    for (const [field, value] of Object.entries(fields)) say(field, JSON.stringify(value))
    for (const [field, { value, reason: why, at }] of Object.entries(parked)) {
      print(`${field}, refused ${new Date(at).toISOString()} (${why})`)
      say('', JSON.stringify(value))
    }
  },
})
