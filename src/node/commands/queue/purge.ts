import { isExternalId } from '../../../core/contact.ts'
import { systemClock } from '../../../core/ports.ts'
import { SettingError } from '../../setting-error.ts'
import type { Command } from '../command.ts'
import { createStoreCommand } from './store-command.ts'

/** Clocks of who mints tokens may be ahead by so much. */
const skewMs = 30_000

export const purgeCommand: Command = createStoreCommand({
  name: 'purge',
  description: 'Erases all that is kept of a contact, and refuses its tokens of before',
  args: { external_id: { type: 'positional', description: 'As your application knows the person' } },
  run: async (store, { external_id: externalId }, { print }) => {
    // Never the value.
    if (!isExternalId(externalId))
      throw new SettingError('EXTERNAL_ID', 'is no external id', 'give 1 to 120 characters, not "." or ".."')
    const notBefore = systemClock.now() + skewMs
    await store.purge(externalId, notBefore)
    print(
      `Purged: what was kept of this contact is erased, and nothing more is sent. Tokens made before ${new Date(notBefore).toISOString()} are refused.`,
    )
    print('What the contacts API has, or is on the wire at this moment, is not taken back.')
  },
})
