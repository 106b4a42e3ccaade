import { SettingError } from '../../setting-error.ts'
import { type Command, CommandError } from '../command.ts'
import { contentText } from './entry-text.ts'
import { findEntry, goneError, idArgument } from './find-entry.ts'
import { createStoreCommand } from './store-command.ts'

export const dropCommand: Command = createStoreCommand({
  name: 'drop',
  description: 'Forgets the undelivered and refused values of a contact for good',
  args: { ...idArgument, yes: { type: 'boolean', description: 'Does not ask' } },
  run: async (store, flags, { print, confirm }) => {
    const found = await findEntry(store, flags)
    if (!flags['yes']) {
      if (!confirm)
        throw new SettingError('--yes', 'is missing, and nobody is there to be asked', 'give it to drop for good')
      if (!(await confirm(`Drop ${found.id} for good (${contentText(found)})?`)))
        throw new CommandError('nothing was dropped')
    }
    const dropped = await store.drop(found.id)
    if (!dropped) throw goneError()
    print(`${dropped.id} is dropped; ${contentText(dropped)}`)
  },
})
