import { systemClock } from '../../../core/ports.ts'
import { SettingError } from '../../setting-error.ts'
import { type Command, CommandError } from '../command.ts'
import { endLine, headLine, movedLine } from './moved-line.ts'
import { createStoreCommand } from './store-command.ts'

// Of at most 64 kB each.
const pageRows = 100
const progressRows = 10_000

export const exportCommand: Command = createStoreCommand({
  name: 'export',
  description: 'Prints all that is kept, for queue import into another store: personal data',
  args: { terminal: { type: 'boolean', description: 'Prints it to a terminal too' } },
  run: async ({ moving }, { terminal }, { print, printed, printsToTerminal, warn }) => {
    if (printsToTerminal && !terminal)
      throw new SettingError(
        'export',
        'would print personal data to a terminal',
        'pipe it into orq-identify queue import, or give --terminal',
      )
    if (!moving) throw new CommandError('this store keeps nothing')
    warn('What follows holds personal data, and the key of the hashes in it: keep it as you keep the store.')
    print(headLine({ at: systemClock.now(), key: moving.key() }))
    let contacts = 0
    let waiting = 0
    const unreadable: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await moving.page(after, pageRows)
      for (const one of page.moved) {
        print(movedLine(one))
        if (one.externalId !== undefined) waiting++
        if (++contacts % progressRows === 0) warn(`${contacts} contacts`)
      }
      unreadable.push(...page.unreadable)
      if (!(await printed())) throw new CommandError('nobody reads on: the export is not whole')
      if (page.next === undefined) break
      after = page.next
    }
    print(endLine({ contacts, unreadable: unreadable.length }))
    warn(`${contacts} contacts, ${waiting} of them with something undelivered or refused.`)
    warn(
      'Stop the proxy of this store before an export that another one is to deliver: of two that send, one could send an older value last.',
    )
    if (unreadable.length)
      throw new CommandError(
        `${unreadable.length} rows cannot be read and are not in the export, the first is ${unreadable[0]}; see orq-identify queue list`,
      )
  },
})
