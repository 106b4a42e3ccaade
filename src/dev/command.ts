import { join } from 'node:path'
import { nameError, OrqError } from '../core/errors.ts'
import { type Command, CommandError, createCommand, envFileFlag, settingFlag } from '../node/commands/command.ts'
import { listen } from '../node/listen.ts'
import { openSettings } from '../node/settings.ts'
import { readDevConfig } from './config.ts'

/** Requests that run when the process is told to stop have this long to end, in milliseconds. */
const graceMs = 3_000

/** What a person can fix is one line, not a stack. */
const orExplain = <T>(make: () => T): T => {
  try {
    return make()
  } catch (error) {
    throw error instanceof OrqError ? new CommandError(error.message) : error
  }
}

/** Everything embedded, until SIGINT or SIGTERM. */
export const devCommand: Command = createCommand({
  name: 'dev',
  description: 'Runs the whole system on one port, without an Orq account',
  args: {
    ...settingFlag('HOST', 'Address to listen on, 127.0.0.1 when not given', 'HOST'),
    ...settingFlag('PORT', 'Port to listen on, 8787 when not given', 'PORT'),
    ...settingFlag('ORQ_DATA_DIR', 'Folder of contacts and secrets, .orq when not given', 'FOLDER'),
    ...settingFlag('ORQ_API_KEY', 'Key of the embedded contacts API, made when not given', 'KEY'),
    ...settingFlag('ORQ_TOKEN_SECRET', 'secret, or kid:secret,kid:secret; made when not given', 'SECRET'),
    ...envFileFlag,
  },
  run: async (flags, { environment, distFolder, print, warn, stopped }) => {
    const { host, port, dataFolder, apiKey, tokenKeys } = readDevConfig(openSettings({ flags, environment }))
    // Loaded here: node:sqlite prints a warning in some versions of Node, which belongs to no other command.
    const { createDevApp } = await import('./app.ts')
    const files = { database: join(dataFolder, 'contacts.db'), queueFile: join(dataFolder, 'queue.db') }
    const app = orExplain(() => createDevApp({ ...files, apiKey, tokenKeys, host, distFolder }))
    // The name alone: a message could hold what a request brought.
    const onError = (error: unknown): void => {
      warn(`orq-identify dev: ${nameError(error)}`)
    }
    // Asked for before the first line is printed: whoever waits for that line may stop us right after it.
    const stop = stopped()
    try {
      const server = await listen({ fetch: app.fetch, host, port, onError })
      print(`Open ${server.url}`)
      print('For development only: whoever reaches this port can sign in as anyone.')
      print(`Contacts and secrets are kept in ${dataFolder}. Stop with Ctrl+C.`)
      await stop
      await Promise.all([app.close(), server.close(graceMs)])
    } catch (error) {
      await app.close()
      throw error
    }
  },
})
