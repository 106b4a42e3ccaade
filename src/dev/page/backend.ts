import type { Contact } from '../../core/contact.ts'
import type { Page, StoredContact } from '../contact-table.ts'
import type { FaultMode } from '../faults.ts'
import type { QueueAnswer } from '../queue-routes.ts'
import type { Keeping } from '../relay.ts'
import type { Step } from '../steps.ts'

export type { Contact, FaultMode, Keeping, Page, QueueAnswer, Step, StoredContact }

const send = async (method: string, path: string, body?: unknown): Promise<Response> => {
  const response = await fetch(path, {
    method,
    ...(body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    // The profile is saved while a person may already be leaving the page.
    keepalive: true,
  })
  if (response.ok) return response
  const { message } = await response.json().catch(() => ({ message: `${path} answered ${response.status}` }))
  throw new Error(message)
}

/** Who is signed in, by the cookie that no script sees. */
export const whoIsSignedIn = async (): Promise<Contact | undefined> => {
  const response = await send('GET', '/session')
  return response.status === 204 ? undefined : response.json()
}

/** Signs in, or saves the profile of the person who is. Rejects with what is wrong with it. */
export const signIn = async (person: Contact): Promise<void> => {
  await send('POST', '/session', person)
}

export const signOut = async (): Promise<void> => {
  await send('DELETE', '/session')
}

export const setFault = async (mode: FaultMode): Promise<void> => {
  await send('POST', '/faults', { mode })
}

export const listContacts = async (): Promise<Page> => (await send('GET', '/contacts?limit=50')).json()

export const readQueue = async (): Promise<QueueAnswer> => (await send('GET', '/queue')).json()

/** Rejects with the reason when something waits that would be lost. */
export const keepIn = async (keeping: Keeping): Promise<void> => {
  await send('POST', '/queue', { keeping })
}

/** Of an entry: `retry` makes it due now, `drop` forgets it. */
export const mendQueue = async (what: 'retry' | 'drop', id: string): Promise<void> => {
  await send('POST', `/queue/${what}`, { id })
}
