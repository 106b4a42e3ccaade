import type { FieldName } from '../core/contact.ts'

/** Whom a valid token speaks for, and what it may do. */
export interface Scope {
  /** The one contact that may be written. */
  subject: string
  /** Seconds since the epoch. Without it every token is refused while a not-before is kept for the subject. */
  issuedAt?: number | undefined
  /** The only fields that may be written; undefined: all. */
  fields?: readonly FieldName[] | undefined
  /** The only `Origin` that may use it; undefined: any that is allowed. */
  origin?: string | undefined
}

/**
 * Decides about the text after `Bearer`.
 * @returns undefined for a token that is not good, 'expired' for one that was
 * @throws never for a bad token: a throw is answered 500, one of `jwks` whose keys cannot be read 503
 */
export type Verify = (
  token: string,
  request: Request,
) => Promise<Scope | 'expired' | undefined> | Scope | 'expired' | undefined
