import { nameError } from '../../core/errors.ts'
import { createLog } from '../log.ts'
import { type ProxyConfig, readProxyConfig } from '../proxy-config.ts'
import { proxySettings, shownSettings } from '../proxy-settings.ts'
import { serve } from '../serve.ts'
import { openSettings } from '../settings.ts'
import { type Command, createCommand, envFileFlag, settingFlags } from './command.ts'
import { openStore } from './open-store.ts'

const optionsOf = ({ apiKey, serverUrl, upstreamPath, store: _, logLevel: __, ...same }: ProxyConfig) => ({
  ...same,
  upstream: { apiKey, serverUrl, path: upstreamPath },
})

/** The production proxy, until SIGINT or SIGTERM. Its output is its log. */
export const proxyCommand: Command = createCommand({
  name: 'proxy',
  description: 'Runs the production proxy',
  args: { ...settingFlags(proxySettings), ...envFileFlag },
  run: async (flags, { environment, distFolder, version, stopped, onCrash }) => {
    const settings = openSettings({ flags, environment })
    const config = readProxyConfig(settings)
    const store = await openStore(config.store, { shared: false })
    const log = createLog({ level: config.logLevel, pseudonym: store.pseudonym })
    onCrash((error) => log.crashed(nameError(error)))
    // Asked for before the first line is printed: whoever waits for that line may stop us right after it.
    const stop = stopped()
    const server = await serve({
      ...optionsOf(config),
      store,
      distFolder,
      processMetrics: true,
      overrideGlobalObjects: true,
      warn: log.warn,
      onEvent: log.onEvent,
    })
    const { url, adminUrl } = server
    log.started({ version, url, adminUrl, envFile: settings.envFile, settings: shownSettings(settings) })
    await stop
    log.stopping()
    await server.close()
    await log.stopped()
  },
})
