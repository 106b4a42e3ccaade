import { randomBytes } from 'node:crypto'
import type { Contact } from '../core/contact.ts'

/** Who is signed in, by a random id that lives in a cookie. In memory: a restart signs everybody out. */
export interface Sessions {
  find(id: string | undefined): Contact | undefined
  /** Keeps the id while the person stays the same; another person gets a new one, so that no id outlives a sign-in. */
  signIn(person: Contact, current: string | undefined): string
  signOut(id: string | undefined): void
}

/** @param max the oldest session ends when there are more */
export const createSessions = (max = 1_000): Sessions => {
  const sessions = new Map<string, Contact>()
  return {
    find: (id) => (id === undefined ? undefined : sessions.get(id)),
    signIn: (person, current) => {
      const known = current !== undefined && sessions.get(current)?.external_id === person.external_id
      if (current !== undefined) sessions.delete(current)
      const id = known ? current : randomBytes(32).toString('base64url')
      sessions.set(id, person)
      const [oldest] = sessions.keys()
      if (sessions.size > max && oldest !== undefined) sessions.delete(oldest)
      return id
    },
    signOut: (id) => {
      if (id !== undefined) sessions.delete(id)
    },
  }
}
