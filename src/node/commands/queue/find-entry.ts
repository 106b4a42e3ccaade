import type { ArgsDef } from 'citty'
import type { Entry } from '../../../store/entry.ts'
import type { Store } from '../../../store/store.ts'
import { SettingError } from '../../setting-error.ts'
import { CommandError } from '../command.ts'

export const idArgument: ArgsDef = {
  id: { type: 'positional', description: 'An id of queue list, or its first characters', valueHint: '3f2a' },
}

export const goneError = (): CommandError =>
  new CommandError('nothing waits under this id; see orq-identify queue list')

/**
 * The one entry whose id begins so.
 * @throws SettingError for what is no such beginning, or the beginning of several; CommandError when there is none
 */
export const findEntry = async (store: Store, { id }: Record<string, unknown>): Promise<Entry> => {
  const prefix = String(id).toLowerCase()
  // Never the value: somebody may have given an external id.
  if (!/^[0-9a-f]{4,32}$/.test(prefix))
    throw new SettingError(
      'ID',
      'is none of queue list',
      'give at least its first 4 characters; see orq-identify queue list',
    )
  const [entry, another] = await store.list({ prefix, limit: 2 })
  if (!entry) throw goneError()
  if (another) throw new SettingError('ID', `${prefix} is the beginning of several`, 'give more of it')
  return entry
}
