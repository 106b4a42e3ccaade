import { OrqError } from '../../core/errors.ts'
import type { Store } from '../../store/store.ts'
import { SettingError } from '../setting-error.ts'
import type { StoreConfig } from '../store-config.ts'

/**
 * @param options `create` false: a store that there is not yet is refused, and not made; `shared` false: a SQLite file that
 * a proxy uses is refused; `key` of a store that is made
 * @throws SettingError for what a person has to fix, and how
 */
export const openStore = async (
  { kind: _, ...config }: StoreConfig,
  { create, shared = true, key }: { create?: boolean; shared?: boolean; key?: Uint8Array | undefined } = {},
): Promise<Store> => {
  try {
    // Loaded here: node:sqlite prints a warning in some versions of Node, and PostgreSQL's client may not be installed.
    if ('path' in config) return (await import('../../store/sqlite.ts')).sqlite({ ...config, create, shared, key })
    return await (await import('../../store/postgres.ts')).postgres({ ...config, create, key })
  } catch (error) {
    if (!(error instanceof OrqError)) throw error
    const [problem, ...hint] = error.message.split(/[;.] /)
    throw new SettingError('ORQ_STORE', problem as string, hint.join('. '))
  }
}
