import type { Register } from './register.ts'

/** What the app has registered by that name; otherwise the other. */
type Registered<Name extends string, Otherwise extends object> = Register extends {
  [name in Name]: infer Own extends object
}
  ? Own
  : Otherwise

/** `T` where JSON can hold it; never where it cannot: functions, symbols, bigints, maps and sets. */
export type JsonOf<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends bigint | symbol | ((...args: never) => unknown) | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
      ? never
      : T extends { toJSON(...args: never): unknown }
        ? T
        : { [key in keyof T]: JsonOf<T[key]> }

/** What `metadata` may be: as you have registered it, or any object that JSON can hold. */
export type MetadataOf<Metadata extends object> = Registered<'metadata', Metadata & JsonOf<Metadata>>

/**
 * What `identify` takes as an object, in camelCase or in the wire's snake_case; of both the later key counts. Absent
 * fields are kept upstream. Any other key is ignored with one warning.
 */
export interface User<Metadata extends object = Record<string, unknown>> {
  /** Your own id of the person, as in the token: 1 to 120 UTF-16 units. A number becomes its text, with one warning. */
  externalId?: string | number
  /** `externalId` as the API spells it. */
  external_id?: string | number
  /** At most 256 UTF-16 units; null clears. */
  displayName?: string | null | undefined
  /** `displayName` as the API spells it. */
  display_name?: string | null | undefined
  /** At most 254 UTF-16 units with one `@` between; null clears. */
  email?: string | null | undefined
  /** An absolute http or https URL of at most 2048 UTF-16 units; never fetched by us; null clears. */
  avatarUrl?: string | null | undefined
  /** `avatarUrl` as the API spells it. */
  avatar_url?: string | null | undefined
  /** At most 50 of at most 64 UTF-16 units each; doubles are removed; `[]` clears. */
  tags?: readonly string[] | undefined
  /**
   * Replaces the stored metadata **as a whole**; other analytics libraries merge. `{}` clears. JSON of at most 100 keys and
   * 16 levels.
   */
  metadata?: Metadata | undefined
}

/** A user with an id, in either spelling: whom `identify` takes. `Metadata` may be an interface of your own. */
export type IdentifiedUser<Metadata extends object = Record<string, unknown>> = User<Metadata> &
  (Required<Pick<User, 'externalId'>> | Required<Pick<User, 'external_id'>>)

/** The traits that are fields of the contact. */
export interface ContactTraits extends Omit<User<object>, 'externalId' | 'external_id'> {
  /** The contact's `display_name`; null clears. */
  name?: string | null | undefined
  /** The contact's `avatar_url`; null clears. */
  avatar?: string | null | undefined
}

/** Analytics style: `name`, `avatar` and the contact's own fields; every other trait joins `metadata`. */
export interface Traits extends ContactTraits {
  /** A key of `metadata`, as it is. What is no JSON makes the call `dropped: invalid`. */
  [trait: string]: unknown
}

/** What traits may be: as you have registered them, or any object that JSON can hold. */
type TraitsOf<Own extends object> = Registered<'traits', Own & JsonOf<Own> & ContactTraits>

/** How one call of `identify` differs from others. */
export interface IdentifyOptions {
  /**
   * Sends even what is known to be stored already, for values that something else may have changed meanwhile.
   * @defaultValue false
   */
  force?: boolean | undefined
}

/** Any object: an interface has no index signature, and is one only by `any`. */
export type AnyObject = {
  /** Anything. */
  // biome-ignore lint/suspicious/noExplicitAny: see above
  [key: string]: any
}

/** Both forms of `identify`'s arguments: a user, or an id and traits. */
export type IdentifyArguments<
  Metadata extends object = Record<string, unknown>,
  OwnTraits extends AnyObject = AnyObject,
> =
  | [user: IdentifiedUser<MetadataOf<Metadata>>, options?: IdentifyOptions | undefined]
  | [id: string | number, traits?: TraitsOf<OwnTraits> | null | undefined, options?: IdentifyOptions | undefined]
