import type { PageRequest, StoredContact } from './contact-table.ts'

/** How many contacts a page has when the query does not say. */
export const defaultLimit = 10

/**
 * The query of `GET /v2/contacts`: `limit` 1 to 50, and at most one of `starting_after` and `ending_before`, each the
 * `_id` or the `external_id` of a contact.
 * @returns the request, or what is wrong with the query
 */
export const parsePageRequest = (
  query: URLSearchParams,
  find: (reference: string) => StoredContact | undefined,
): PageRequest | { message: string } => {
  const limit = query.get('limit') ?? String(defaultLimit)
  if (!/^([1-9]|[1-4]\d|50)$/.test(limit)) return { message: 'limit: a number from 1 to 50' }
  const after = query.get('starting_after')
  const before = query.get('ending_before')
  if (after !== null && before !== null) return { message: 'give starting_after or ending_before, not both' }
  const cursor = after ?? before
  if (cursor === null) return { limit: Number(limit) }
  const id = find(cursor)?._id
  if (id === undefined) return { message: 'the cursor is the _id of no contact' }
  return { limit: Number(limit), ...(after === null ? { endingBefore: id } : { startingAfter: id }) }
}
