import { type Contact, fieldNames, type Json, parseContact } from '../../../core/contact.ts'
import type { LedgerEntry } from '../../../core/ledger.ts'
import type { Moved } from '../../../store/moving.ts'
import { createRow } from '../../../store/row.ts'

/** The first line of an export. */
export interface Head {
  /** When it was begun, in milliseconds since the epoch. */
  at: number
  /** Of the hashes in it. */
  key: Uint8Array
}

/** The last one, without which an export is not whole. */
export interface End {
  contacts: number
  /** Rows that could not be read and are not in it. */
  unreadable: number
}

/** What is wrong with a line and what to do, without a value of it. */
export class LineError extends Error {
  override readonly name = 'LineError'
}

const kind = 'orq-identify queue'
const format = 1
const names: readonly (keyof Contact)[] = ['external_id', ...fieldNames]

type Entries<T> = { [field in keyof Contact]?: T }

const mapEntries = <T, U>(entries: Entries<T>, change: (one: T) => U): Entries<U> =>
  Object.fromEntries(Object.entries(entries).map(([field, one]) => [field, change(one as T)]))

export const headLine = ({ at, key }: Head): string =>
  JSON.stringify({ export: kind, format, at, key: Buffer.from(key).toString('base64url') })

export const endLine = ({ contacts, unreadable }: End): string => JSON.stringify({ end: kind, contacts, unreadable })

export const movedLine = ({ id, externalId, row }: Moved): string =>
  JSON.stringify({
    id,
    external_id: externalId,
    undelivered: mapEntries(row.payload, ([value, , acceptedAt]) => [value, acceptedAt ?? row.pendingSince]),
    refused: row.parked,
    delivered: mapEntries(row.ledger as Entries<LedgerEntry>, ([hash, at, acceptedAt]) => [hash, at, acceptedAt ?? at]),
    since: row.pendingSince,
    attempts: row.attempts,
    reason: row.reason,
    numbers: row.numbers,
    not_before: row.notBefore,
  })

const check = (isGood: boolean, path: string, hint: string): void => {
  if (!isGood) throw new LineError(`${path}: ${hint}`)
}

const parseObject = (line: string): Record<string, unknown> => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {}
  check(isObject(value), 'is no JSON object', 'take it as it was exported')
  return value as Record<string, unknown>
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isText = (value: unknown, form: RegExp): value is string => typeof value === 'string' && form.test(value)
const reason = /^[\x20-\x7e]{1,100}$/

/** @throws LineError where it is no export, or one of a later version */
export const parseHead = (line: string): Head => {
  const head = parseObject(line)
  check(head['export'] === kind, 'is not the beginning of an export', 'pipe orq-identify queue export into it')
  check(head['format'] === format, 'is of another version of orq-identify', 'export and import with the same one')
  const { at, key } = head
  check(isCount(at) && isText(key, /^[\w-]{43}$/), 'is not the beginning of an export', 'take it as it was exported')
  return { at: at as number, key: Buffer.from(key as string, 'base64url') }
}

/** Tuples by field; each has to pass `isGood`. */
const readEntries = <T>(value: unknown, path: string, isGood: (one: unknown[]) => boolean): Entries<T> => {
  const given = value ?? {}
  check(isObject(given), path, 'an object by field')
  for (const [field, one] of Object.entries(given)) {
    const isField = names.some((name) => name === field)
    check(isField, path, `fields are ${names.join(', ')}`)
    check(Array.isArray(one) && isGood(one), `${path}.${field}`, 'take it as it was exported')
  }
  return given as Entries<T>
}

/** By the rules that the API's own contacts have to pass. */
const checkValues = (id: unknown, entries: Entries<[Json, ...unknown[]]>, path: string): void => {
  const { external_id: own, ...fields } = mapEntries(entries, ([value]) => value)
  check(own === undefined || own === id, `${path}.external_id`, 'the same as external_id')
  const contact = parseContact({ external_id: id, ...fields })
  if ('hint' in contact) throw new LineError(`${path}.${contact.path}: ${contact.hint}`)
}

/** @throws LineError naming what is wrong in it */
export const parseLine = (line: string): Moved | End => {
  const given = parseObject(line)
  if (given['end'] === kind) {
    const { contacts, unreadable } = given
    check(isCount(contacts) && isCount(unreadable), 'end', 'take it as it was exported')
    return { contacts, unreadable } as End
  }
  const { id, external_id: externalId } = given
  check(isText(id, /^[0-9a-f]{32}$/), 'id', '32 hexadecimal digits')
  const undelivered = readEntries<[Json, number]>(given['undelivered'], 'undelivered', ([, at]) => isCount(at))
  const parked = readEntries<[Json, string, number, number]>(
    given['refused'],
    'refused',
    ([, why, at, acceptedAt]) => isText(why, reason) && isCount(at) && isCount(acceptedAt),
  )
  const ledger = readEntries<[string, number, number]>(
    given['delivered'],
    'delivered',
    ([hash, ...times]) => isText(hash, /^[\w-]{0,22}$/) && times.length === 2 && times.every(isCount),
  )
  const values = { undelivered, refused: parked }
  const isNamed = Object.values(values).some((entries) => Object.keys(entries).length > 0)
  if (isNamed) for (const [path, entries] of Object.entries(values)) checkValues(externalId, entries, path)

  const { since = 0, attempts = 0, numbers = [], not_before: notBefore, reason: why } = given
  check(isCount(since) && isCount(attempts), 'since, attempts', 'whole numbers')
  check(why === undefined || isText(why, reason), 'reason', 'take it as it was exported')
  check(notBefore === undefined || isCount(notBefore), 'not_before', 'milliseconds since 1970')
  const isNumber = (one: unknown): boolean =>
    Array.isArray(one) && one.length === 2 && isText(one[0], /^[\w-]{1,64}$/) && isCount(one[1])
  check(Array.isArray(numbers) && numbers.length <= 8 && numbers.every(isNumber), 'numbers', 'at most 8 of [client, n]')
  return {
    id: id as string,
    externalId: isNamed ? (externalId as string) : undefined,
    row: {
      ...createRow(),
      payload: mapEntries(undelivered, ([value, acceptedAt]) => [value, 0, acceptedAt]),
      parked,
      ledger,
      pendingSince: since as number,
      attempts: attempts as number,
      reason: why as string | undefined,
      numbers: numbers as [string, number][],
      notBefore: notBefore as number | undefined,
    },
  }
}
