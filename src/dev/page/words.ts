import type { FieldName, Json } from '../../core/contact.ts'

const labels: Record<FieldName | 'external_id', string> = {
  external_id: 'External id',
  display_name: 'Name',
  email: 'E-mail',
  avatar_url: 'Avatar',
  tags: 'Tags',
  metadata: 'Metadata',
}

/** A field as people call it. */
export const labelOf = (field: string): string => labels[field as FieldName] ?? field

/** A value on one line. One that clears its field says so. */
export const shownAs = (value: Json | undefined): string => {
  if (value === null || value === undefined || value === '') return 'cleared'
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.length ? value.map((item) => shownAs(item)).join(', ') : 'cleared'
  return typeof value === 'object' && !Object.keys(value).length ? 'cleared' : JSON.stringify(value)
}

/** A length of time in its largest unit. */
export const spanOf = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`
}
