/** `status` in the body of a 200 and a 202. */
export type AcceptedStatus = 'delivered' | 'accepted'

/** `code` in the body of every other answer, with its HTTP status. */
export const statusOf = {
  bad_json: 400,
  bad_utf8: 400,
  bad_request: 400,
  token_missing: 401,
  token_invalid: 401,
  token_expired: 401,
  scope_mismatch: 403,
  field_forbidden: 403,
  origin_forbidden: 403,
  token_revoked: 403,
  not_found: 404,
  method_not_allowed: 405,
  body_timeout: 408,
  superseded: 409,
  too_large: 413,
  unsupported_media_type: 415,
  invalid_field: 422,
  rate_limited: 429,
  internal: 500,
  store_unavailable: 503,
  upstream_unavailable: 503,
} as const

/**
 * Why the proxy did not take an update: the `code` of its answer, for programs. The client renews its token after a 401 and
 * `scope_mismatch`, drops an update after any other code that a repetition would only meet again, and keeps the rest.
 */
export type RefusalCode = keyof typeof statusOf

/** The path of the one route, below the proxy's folder, and of the contacts API below its server. */
export const contactsPath = '/v2/contacts'

/** Carries `<client>.<number>[.force]`; see `parseUpdateId`. */
export const updateIdHeader = 'Orq-Update-Id'

/** One update in one browser's order: a later body of the same client has a higher number. */
export interface UpdateId {
  /** 16 to 64 of `[A-Za-z0-9_-]`; differs per browser and contact. */
  client: string
  /** At most 15 digits. */
  number: number
  /** Write even if this value is known to be upstream. */
  force: boolean
}

export const formatUpdateId = ({ client, number, force }: UpdateId): string =>
  `${client}.${number}${force ? '.force' : ''}`

/** @returns undefined when the header is malformed */
export const parseUpdateId = (header: string): UpdateId | undefined => {
  const [, client, number, force] = /^([\w-]{16,64})\.(\d{1,15})(\.force)?$/.exec(header) ?? []
  return client && number ? { client, number: Number(number), force: !!force } : undefined
}
