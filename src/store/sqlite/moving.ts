import type { Clock } from '../../core/ports.ts'
import { type Moving, pageOf, takeInto } from '../moving.ts'
import { createRow } from '../row.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Rows } from './rows.ts'

export interface MovingOptions {
  /** Outside of any transaction. */
  read<T>(job: (rows: Rows) => T): Promise<T>
  /** Inside of one. */
  rows(): Rows
  commits: GroupCommit
  clock: Clock
  nextVersion(): number
}

export const createMoving = ({ read, rows, commits, clock, nextVersion }: MovingOptions): Moving => ({
  key: () => rows().secret,
  page: (after, limit) =>
    read((all) =>
      pageOf(
        all
          .page(after, limit)
          .map((columns) => [Buffer.from(columns['key'] as Uint8Array).toString('hex'), columns] as const),
        limit,
      ),
    ),
  take: ({ id, externalId, row }, { hasSameKey }) =>
    commits.soon(() => {
      if (externalId === undefined && !hasSameKey) return 'nameless'
      const key = externalId === undefined ? Buffer.from(id, 'hex') : rows().keyOf(externalId)
      const found = rows().findKey(key) ?? { key, externalId, row: createRow() }
      const now = clock.now()
      if (!takeInto(found.row, row, { now, hasSameKey }, nextVersion)) return 'known'
      rows().write(found, found.externalId ?? externalId ?? '', now)
      return 'taken'
    }),
})
