import type { ArgsDef } from 'citty'
import type { Store } from '../../../store/store.ts'
import { printable } from '../../printable.ts'
import { readStorePath } from '../../proxy-config.ts'
import { openSettings } from '../../settings.ts'
import { type Command, type CommandContext, CommandError, createCommand, envFileFlag, settingFlag } from '../command.ts'
import { openStore } from '../open-store.ts'

export interface StoreCommandOptions {
  /** The last word of the command. */
  name: string
  description: string
  args?: ArgsDef
  run(store: Store, flags: Record<string, unknown>, context: CommandContext): Promise<void>
}

// SQLite's own words for a disk that is full or read-only and a file that is held: no value is in them.
const isOfSqlite = (error: unknown): error is Error => error instanceof Error && 'errcode' in error

/** A command on the store of a proxy that may be running. Whatever it prints does nothing to a terminal. */
export const createStoreCommand = ({ name, description, args, run }: StoreCommandOptions): Command =>
  createCommand({
    name: `queue ${name}`,
    description,
    args: {
      ...args,
      ...settingFlag('ORQ_STORE', 'The store of the proxy, sqlite:orq.db when not given', 'sqlite:FILE'),
      ...envFileFlag,
    },
    run: async (flags, context) => {
      const path = readStorePath(openSettings({ flags, environment: context.environment }))
      const store = await openStore({ path, create: false })
      try {
        await run(store, flags, { ...context, print: (line) => context.print(printable(line)) })
      } catch (error) {
        if (!isOfSqlite(error)) throw error
        throw new CommandError(`the store cannot be used now (${error.message}); nothing was changed, try again`)
      } finally {
        await store.close()
      }
    },
  })
