import type { Entry } from '../../../store/entry.ts'

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** In the largest unit that fits, rounded down: `3h`. Less than a second is `0s`. */
export const durationText = (ms: number): string => {
  const [unit, size] = units.find(([, least]) => ms >= least) ?? ['s', 1_000]
  return `${Math.max(0, Math.floor(ms / size))}${unit}`
}

export const ageText = ({ since }: Entry, now: number): string =>
  since === undefined ? '-' : durationText(now - since)

/** When it is tried: by itself only when there is a time. */
export const dueText = ({ state, due }: Entry, now: number): string => {
  if (due === undefined) return '-'
  return state === 'queued' ? 'now' : `in ${durationText(due - now)}`
}

/** Statuses and codes: of the last attempt, and of what was refused with the names of its fields. */
export const reasonText = ({ state, reason, parked }: Entry): string => {
  const fieldsOf = new Map<string, string[]>()
  for (const [field, { reason: why }] of Object.entries(parked))
    fieldsOf.set(why, [...(fieldsOf.get(why) ?? []), field])
  const refused = [...fieldsOf].map(([why, fields]) => `${why}: ${fields.join(', ')}`)
  return [...(reason === undefined || state === 'parked' ? [] : [reason]), ...refused].join('; ') || '-'
}

/** What `retry` and `drop` speak of, without a value. */
export const contentText = ({ state, fields, parked }: Entry): string => {
  const names = Object.keys(fields)
  const refused = Object.keys(parked)
  const isPending = state !== 'parked' && state !== 'unreadable'
  return [
    ...(isPending ? [`undelivered: ${names.join(', ') || 'the id alone'}`] : []),
    ...(refused.length ? [`refused: ${refused.join(', ')}`] : []),
    ...(state === 'unreadable' ? ['what cannot be read'] : []),
  ].join('; ')
}
