import { type Command, CommandError } from '../command.ts'
import { contentText } from './entry-text.ts'
import { findEntry, goneError, idArgument } from './find-entry.ts'
import { createStoreCommand } from './store-command.ts'

export const retryCommand: Command = createStoreCommand({
  name: 'retry',
  description: 'Makes a contact due now, with what was refused unless a newer value waits',
  args: idArgument,
  run: async (store, flags, { print }) => {
    const entry = await store.requeue((await findEntry(store, flags)).id)
    if (!entry) throw goneError()
    const { id, state } = entry
    if (state === 'unreadable')
      throw new CommandError(`${id} cannot be read; all that can be done is orq-identify queue drop ${id}`)
    if (state === 'leased') print(`${id} is being sent; ${contentText(entry)}`)
    else print(`${id} is due now; ${contentText(entry)}`)
  },
})
