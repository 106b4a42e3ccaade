/**
 * What went wrong. `INVALID_OPTION`: a setting, at set-up. `INVALID_CONTACT`: a contact beyond its limits; nothing was
 * sent. `API_ERROR`: the contacts API did not answer 2xx, see `APIError`. `STORE_UNUSABLE`: a store that a person must
 * fix before it can be used.
 */
export type OrqErrorCode = 'INVALID_OPTION' | 'INVALID_CONTACT' | 'API_ERROR' | 'STORE_UNUSABLE'

/**
 * What this package throws, always at set-up or from a server-side call: `identify` never throws. Switch on `code`;
 * `message` is for people and may change. Carries no token, key or field value.
 */
export class OrqError extends Error {
  /** The class by name, which minifying and two copies of the package leave as it is. */
  override readonly name: string = 'OrqError'
  /** For programs; stable over versions. */
  readonly code: OrqErrorCode
  constructor(code: OrqErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Name and place of an error, for a log: its message could hold what a request brought. */
export const nameError = (error: unknown): string => {
  if (!(error instanceof Error)) return 'error'
  const { name, message, stack = '' } = error
  // Behind the message, which may have lines that look like places.
  const at = stack.indexOf(message)
  const [, place] = (at < 0 ? null : /\n +(at .+)/.exec(stack.slice(at + message.length))) ?? []
  return place ? `${name} ${place}` : name
}

/** An answer of the contacts API that is not 2xx, under the names of the official Orq SDKs. `body` is upstream's own text: never log it or hand it to a page. */
export class APIError extends OrqError {
  /** The class by name. */
  override readonly name = 'APIError'
  /** The status of the answer, 300 to 599: redirects are not followed. */
  readonly statusCode: number
  /** Those of the answer; `retry-after` says when to come back. */
  readonly headers: Headers
  /** At most 64 kB of the answer. Not enumerable, so that a logger that prints own properties leaves it out. */
  declare readonly body: string
  constructor(statusCode: number, headers: Headers, body: string) {
    super('API_ERROR', `the contacts API answered ${statusCode}`)
    this.statusCode = statusCode
    this.headers = headers
    Object.defineProperty(this, 'body', { value: body })
  }
}
