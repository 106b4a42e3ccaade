import { createRow, isPending, type Row } from './row.ts'

/** The columns of a contact's row in a database, besides its key. JSON is kept as text: nothing in it is ever looked for. */
export const columnNames = [
  'payload',
  'version',
  'attempts',
  'pending_since',
  'wake',
  'span',
  'lease',
  'reason',
  'parked',
  'ledger',
  'numbers',
  'not_before',
  'updated',
] as const

export type Columns = Record<(typeof columnNames)[number], string | number | null>

const textOf = (value: object): string | null => (Object.keys(value).length ? JSON.stringify(value) : null)

const parse = <T>(text: unknown, otherwise: T): T => (typeof text === 'string' ? (JSON.parse(text) as T) : otherwise)

const numberOf = (value: unknown): number | undefined =>
  value === null || value === undefined ? undefined : Number(value)

/** The id is part of `payload` and of `parked`, and of nothing else: a row at rest holds nothing personal. */
export const columnsOf = (row: Row, externalId: string, now: number): Columns => {
  const has = isPending(row)
  const parked = textOf(row.parked)
  return {
    payload: has ? JSON.stringify({ id: externalId, fields: row.payload }) : null,
    version: row.version,
    attempts: row.attempts,
    pending_since: has ? row.pendingSince : null,
    wake: has ? Math.round(row.wake) : null,
    span: Math.round(row.span),
    lease: row.lease ?? null,
    reason: row.reason ?? null,
    parked: parked && JSON.stringify({ id: externalId, fields: row.parked }),
    ledger: textOf(row.ledger),
    numbers: textOf(row.numbers),
    not_before: row.notBefore ?? null,
    updated: now,
  }
}

/** @throws when the columns hold no JSON: the database was changed by hand, or is damaged */
export const parseColumns = (columns: Record<string, unknown>): { externalId: string | undefined; row: Row } => {
  const { id: payloadId, fields } = parse(columns['payload'], { id: undefined, fields: {} } as {
    id: string | undefined
    fields: Row['payload']
  })
  const { id = payloadId, fields: parked } = parse(columns['parked'], { id: payloadId, fields: {} })
  const row: Row = {
    payload: fields,
    version: Number(columns['version']),
    attempts: Number(columns['attempts']),
    pendingSince: Number(columns['pending_since']),
    wake: Number(columns['wake']),
    span: Number(columns['span']),
    lease: numberOf(columns['lease']),
    reason: (columns['reason'] as string | null) ?? undefined,
    parked,
    ledger: parse(columns['ledger'], {}),
    numbers: parse(columns['numbers'], []),
    notBefore: numberOf(columns['not_before']),
  }
  return { externalId: id, row }
}

/** The same, for who only looks: what cannot be read has no id and nothing in it but its not-before. */
export const parseReadable = (columns: Record<string, unknown>): { externalId: string | undefined; row: Row } => {
  try {
    return parseColumns(columns)
  } catch {
    return { externalId: undefined, row: { ...createRow(), notBefore: numberOf(columns['not_before']) } }
  }
}
