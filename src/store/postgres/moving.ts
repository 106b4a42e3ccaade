import { type Moving, pageOf, takeInto } from '../moving.ts'
import type { Database } from './database.ts'
import type { GroupCommit } from './group-commit.ts'
import { keyOfId, type Rows } from './rows.ts'

export const createMoving = ({
  database,
  rows,
  commits,
}: {
  database: Database
  rows: Rows
  commits: GroupCommit
}): Moving => ({
  key: () => rows.secret,
  page: async (after, limit) => {
    const found = await rows.page(database, after && keyOfId(after), limit)
    return pageOf(
      found.map((columns) => [(columns['key'] as string).replaceAll('-', ''), columns]),
      limit,
    )
  },
  take: async ({ id, externalId, row }, { hasSameKey }) => {
    if (externalId === undefined && !hasSameKey) return 'nameless'
    const key = externalId === undefined ? keyOfId(id) : rows.keyOf(externalId)
    return commits.soon({
      key,
      run: (turn) => {
        const found = turn.find() ?? turn.create()
        if (!takeInto(found.row, row, { now: turn.now, hasSameKey }, turn.next)) return 'known'
        turn.write(found, found.externalId ?? externalId ?? '')
        return 'taken'
      },
    })
  },
})
