import { OrqError } from '../../core/errors.ts'
import type { SqliteOptions } from '../../store/sqlite.ts'
import type { Store } from '../../store/store.ts'
import { SettingError } from '../setting-error.ts'

/** @throws SettingError for a file that cannot be used, and how to mend that */
export const openStore = async (options: SqliteOptions): Promise<Store> => {
  // Loaded here: node:sqlite prints a warning in some versions of Node, which belongs to no other command.
  const { sqlite } = await import('../../store/sqlite.ts')
  try {
    return sqlite(options)
  } catch (error) {
    if (!(error instanceof OrqError)) throw error
    const [problem, ...mend] = error.message.split(/[;.] /)
    throw new SettingError('ORQ_STORE', problem as string, mend.join('. '))
  }
}
