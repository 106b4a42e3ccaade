import type { Contact } from './backend.ts'
import { byId } from './element.ts'
import type { PageUser } from './orq.ts'

/** What the boxes of the form say. */
export interface Profile {
  externalId: string
  displayName: string
  email: string
  plan: string
  tags: string[]
}

const value = (id: string): string => byId<HTMLInputElement>(id).value.trim()

export const readProfile = (): Profile => ({
  externalId: value('external-id'),
  displayName: value('display-name'),
  email: value('email'),
  plan: value('plan'),
  tags: value('tags')
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== ''),
})

/** Puts a person into the boxes; what the person lacks empties its box. */
export const showProfile = ({ external_id, display_name, email, tags = [], metadata = {} }: Contact): void => {
  const set = (id: string, text: string): void => {
    byId<HTMLInputElement>(id).value = text
  }
  set('external-id', external_id)
  set('display-name', display_name ?? '')
  set('email', email ?? '')
  set('plan', typeof metadata['plan'] === 'string' ? metadata['plan'] : '')
  set('tags', tags.join(', '))
}

/**
 * The call's argument. An empty box that held something before clears its field; one that never did says nothing about
 * it, so that what others wrote there stays.
 */
export const userOf = (profile: Profile, before: Profile | undefined): PageUser => {
  const known = before?.externalId === profile.externalId ? before : undefined
  const { externalId, displayName, email, plan, tags } = profile
  return {
    externalId,
    ...(displayName || known?.displayName ? { displayName: displayName || null } : {}),
    ...(email || known?.email ? { email: email || null } : {}),
    ...(plan || known?.plan ? { metadata: plan ? { plan } : {} } : {}),
    ...(tags.length > 0 || known?.tags.length ? { tags } : {}),
  }
}

/** The same person for the app's own backend, which remembers who signed in. */
export const personOf = ({ externalId, displayName, email, plan, tags }: Profile): Contact => ({
  external_id: externalId,
  ...(displayName ? { display_name: displayName } : {}),
  ...(email ? { email } : {}),
  ...(plan ? { metadata: { plan } } : {}),
  ...(tags.length > 0 ? { tags } : {}),
})
