import type { Decision } from './orq.ts'

/** Decisions name a contact by a hash, the same as long as the page lives; whose it is is learned from the calls. */
export interface People {
  learn(externalId: string, decision: Decision): void
  hashOf(externalId: string): string | undefined
  /** The external id; undefined while nobody has told whose hash it is. */
  nameOf(hash: string): string | undefined
}

/** @param onLearn hears of each hash once, when it is known whose it is */
export const createPeople = (onLearn: (hash: string, externalId: string) => void): People => {
  const hashes = new Map<string, string>()
  return {
    learn: (externalId, { contact }) => {
      if (hashes.has(externalId) || [...hashes.values()].includes(contact)) return
      hashes.set(externalId, contact)
      onLearn(contact, externalId)
    },
    hashOf: (externalId) => hashes.get(externalId),
    nameOf: (hash) => [...hashes].find(([, own]) => own === hash)?.[0],
  }
}
