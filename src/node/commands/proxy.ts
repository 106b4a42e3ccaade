import { jwt } from '../../proxy/jwt.ts'
import { openStore } from '../open-store.ts'
import { type ProxyConfig, readProxyConfig } from '../proxy-config.ts'
import { serve } from '../serve.ts'
import { openSettings } from '../settings.ts'
import type { StoreConfig } from '../store-config.ts'
import { type Command, createCommand, envFileFlag, settingFlag } from './command.ts'

const optionsOf = ({ apiKey, serverUrl, upstreamPath, tokenKeys, store: _, ...same }: ProxyConfig) => ({
  ...same,
  verify: jwt({ secret: tokenKeys.secrets }),
  upstream: { apiKey, serverUrl, path: upstreamPath },
})

/** Without the URL, which holds a password. */
const placeOf = (store: StoreConfig): string =>
  store.kind === 'sqlite' ? store.path : `PostgreSQL, schema ${store.schema}`

/** The production proxy, until SIGINT or SIGTERM. */
export const proxyCommand: Command = createCommand({
  name: 'proxy',
  description: 'Runs the production proxy',
  args: {
    ...settingFlag('ORQ_API_KEY', 'API key of your Orq workspace; better in the environment', 'KEY'),
    ...settingFlag('ORQ_TOKEN_SECRET', 'secret, or kid:secret,kid:secret; better in the environment', 'SECRET'),
    ...settingFlag('ORQ_ALLOWED_ORIGINS', 'Other origins whose pages may write', 'https://app.example'),
    ...settingFlag('ORQ_STORE', 'Where updates wait, sqlite:orq.db when not given', 'sqlite:FILE|postgres:URL'),
    ...settingFlag('ORQ_STORE_SCHEMA', 'Schema in PostgreSQL, orq when not given', 'NAME'),
    ...settingFlag('ORQ_STORE_POOL', 'Connections to PostgreSQL at most, 4 when not given', 'NUMBER'),
    ...settingFlag('ORQ_STORE_TIMEOUT_MS', 'Longest wait for PostgreSQL, 5000 when not given', 'NUMBER'),
    ...settingFlag('ORQ_SERVER_URL', 'The contacts API, https://api.orq.ai when not given', 'URL'),
    ...settingFlag('ORQ_UPSTREAM_PATH', 'Its path, /v2/contacts when not given', 'PATH'),
    ...settingFlag('ORQ_BASE_PATH', 'Folder of the proxy, /orq when not given', 'PATH'),
    ...settingFlag('HOST', 'Address to listen on, 0.0.0.0 when not given', 'HOST'),
    ...settingFlag('PORT', 'Port to listen on, 8787 when not given', 'PORT'),
    ...settingFlag('ORQ_ADMIN_HOST', 'Address of /livez and /readyz, 127.0.0.1 when not given', 'HOST'),
    ...settingFlag('ORQ_ADMIN_PORT', 'Port of /livez and /readyz, 8788 when not given', 'PORT'),
    ...settingFlag('ORQ_SUBJECT_LIMIT', 'Requests per minute of one person, 60 when not given, 0 for all', 'NUMBER'),
    ...settingFlag('ORQ_ADDRESS_LIMIT', 'The same without a valid token, of one address', 'NUMBER'),
    ...settingFlag('ORQ_UPSTREAM_CONCURRENCY', 'Calls to the contacts API at once, 64 when not given', 'NUMBER'),
    ...settingFlag(
      'ORQ_TRUSTED_PROXIES',
      'Proxies in front that append to X-Forwarded-For, 0 when not given',
      'NUMBER',
    ),
    ...envFileFlag,
  },
  run: async (flags, { environment, distFolder, print, warn, stopped }) => {
    const config = readProxyConfig(openSettings({ flags, environment }))
    const store = await openStore(config.store)
    // Asked for before the first line is printed: whoever waits for that line may stop us right after it.
    const stop = stopped()
    const server = await serve({
      ...optionsOf(config),
      store,
      distFolder,
      warn: (message) => warn(`orq-identify proxy: ${message}`),
      onEvent: (event) => {
        if (event.type === 'paused' && event.why === 'blocked')
          warn(
            'orq-identify proxy: the contacts API turns updates away; they are kept. Check ORQ_API_KEY, ORQ_SERVER_URL and ORQ_UPSTREAM_PATH',
          )
      },
    })
    print(`Open ${server.url}`)
    print(`Health at ${server.adminUrl}/readyz; updates wait in ${placeOf(config.store)}`)
    await stop
    await server.close()
  },
})
