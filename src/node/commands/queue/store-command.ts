import type { ArgsDef } from 'citty'
import type { Store } from '../../../store/store.ts'
import { printable } from '../../printable.ts'
import { isOfStore, proxySettings } from '../../proxy-settings.ts'
import { openSettings } from '../../settings.ts'
import { readStoreConfig, type StoreConfig } from '../../store-config.ts'
import {
  type Command,
  type CommandContext,
  CommandError,
  createCommand,
  envFileFlag,
  settingFlags,
} from '../command.ts'
import { openStore } from '../open-store.ts'

export interface StoreCommandOptions {
  /** The last word of the command. */
  name: string
  description: string
  args?: ArgsDef
  run(store: Store, flags: Record<string, unknown>, context: CommandContext): Promise<void>
}

/** Why it cannot be used now, in words or a code of the database's own that hold no value; undefined for a failure of ours. */
const troubleOf = (error: unknown): string | undefined => {
  if (!(error instanceof Error)) return undefined
  // SQLite, of a disk that is full or read-only and a file that is held.
  if ('errcode' in error) return error.message
  // PostgreSQL's text could hold values.
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && /^(?=.*[0-9])[0-9A-Z]{5}$|^E[A-Z]+$/.test(code)) return `PostgreSQL: ${code}`
  return /timeout|terminated/i.test(error.message) ? 'PostgreSQL does not answer' : undefined
}

/** Opens the store, and closes it whatever happens. @param hint what to do where it cannot be used now */
export const withStore = async (
  config: StoreConfig,
  options: { create: boolean; key?: Uint8Array; hint: string },
  run: (store: Store) => Promise<void>,
): Promise<void> => {
  const { hint, ...opening } = options
  const store = await openStore(config, opening)
  try {
    await run(store)
  } catch (error) {
    const trouble = troubleOf(error)
    if (trouble === undefined) throw error
    throw new CommandError(`the store cannot be used now (${trouble}); ${hint}`)
  } finally {
    await store.close()
  }
}

/** The flags of where updates wait. */
export const storeFlags: ArgsDef = { ...settingFlags(proxySettings.filter(isOfStore)), ...envFileFlag }

/** A command on the store of a proxy that may be running. Whatever it prints does nothing to a terminal. */
export const createStoreCommand = ({ name, description, args, run }: StoreCommandOptions): Command =>
  createCommand({
    name: `queue ${name}`,
    description,
    args: { ...args, ...storeFlags },
    run: (flags, context) => {
      const config = readStoreConfig(openSettings({ flags, environment: context.environment }))
      const print = (line: string): void => context.print(printable(line))
      return withStore(config, { create: false, hint: 'nothing was changed, try again' }, (store) =>
        run(store, flags, { ...context, print }),
      )
    },
  })
