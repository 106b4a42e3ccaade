import { join } from 'node:path'
import { parseTokenKeys, readHost, readPort, type Settings, type TokenKeys } from '../node/config.ts'
import { keepSecret, openDataFolder } from '../node/data-folder.ts'

export interface DevConfig {
  host: string
  port: number
  /** Absolute, existing and writable. */
  dataFolder: string
  apiKey: string
  tokenKeys: TokenKeys
}

/**
 * Reads the settings of `dev` and makes its data folder. The two secrets are made there when they are not given, so that
 * sign-ins and scripts of yesterday still work today.
 * @throws SettingError
 */
export const readDevConfig = (settings: Settings): DevConfig => {
  const host = readHost(settings, 'HOST', '127.0.0.1')
  const port = readPort(settings, 'PORT', 8787)
  const given = settings.get('ORQ_TOKEN_SECRET')
  // Before the folder is made: a start that fails leaves nothing behind.
  const givenKeys = given === undefined ? undefined : parseTokenKeys(given)
  const dataFolder = openDataFolder(settings.get('ORQ_DATA_DIR') ?? '.orq')
  return {
    host,
    port,
    dataFolder,
    apiKey: settings.get('ORQ_API_KEY') ?? keepSecret(dataFolder, 'api-key'),
    tokenKeys: givenKeys ?? parseTokenKeys(keepSecret(dataFolder, 'token-secret'), join(dataFolder, 'token-secret')),
  }
}
