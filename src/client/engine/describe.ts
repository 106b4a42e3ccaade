import { hintOf, maxBodyBytes } from '../../core/contact.ts'
import type { Decision, Details } from '../decisions.ts'
import { shownKey } from '../shown-key.ts'

/** As a person reads it in the console. */
export const describeDecision = ({ kind, reason, contact, fields, refused, ...more }: Decision): string => {
  const { attempt, againInMs } = more as Details
  return [
    `orq: contact ${contact} ${kind}`,
    reason && `: ${reason}`,
    fields?.length && `, ${fields.join(' ')}`,
    attempt && `, attempt ${attempt}`,
    refused && `, refused ${refused.join(' ')}`,
    againInMs !== undefined && `, again in ${Math.ceil(againInMs / 1_000)} s`,
  ]
    .filter(Boolean)
    .join('')
}

/** What is wrong with a contact: a field, a key in it that JSON cannot hold, or its size. */
export const describeProblem = (path: string, key: string | undefined): string => {
  if (!path) return `identify: a contact has at most ${maxBodyBytes} bytes`
  return key
    ? `identify: ${path}.${shownKey(key)} is no JSON`
    : `identify: ${path === 'external_id' ? 'externalId' : path} must be ${hintOf(path)}`
}
