import type { Update } from '../../src/store/store.ts'

export type Refused = { kind: 'revoked' } | { kind: 'superseded'; number: number }

/** Who may still write what, told by the contract alone: numbers of pages, `force`, and tokens from before a purge. */
export interface Acceptance {
  /** What the proxy has to answer to this update; undefined: it has to take it. To be asked once for each, in order. */
  judge(update: Update, now: number): Refused | undefined
  purge(externalId: string, notBefore: number): void
}

const tokenLifeMs = 86_400_000

export const createAcceptance = (): Acceptance => {
  /** By contact and client. At most eight clients of each are remembered; here there are fewer. */
  const numbers = new Map<string, Map<string, number>>()
  const purged = new Map<string, number>()
  return {
    judge: ({ externalId, id, issuedAt }, now) => {
      const notBefore = purged.get(externalId)
      const isKept = notBefore !== undefined && now < notBefore + tokenLifeMs
      if (isKept && !(issuedAt !== undefined && issuedAt >= notBefore)) return { kind: 'revoked' }
      if (!id) return undefined
      const ofContact = numbers.get(externalId) ?? new Map<string, number>()
      numbers.set(externalId, ofContact)
      const last = ofContact.get(id.client) ?? 0
      if (id.number < last && !id.force) return { kind: 'superseded', number: last }
      ofContact.set(id.client, Math.max(last, id.number))
      return undefined
    },
    purge: (externalId, notBefore) => {
      numbers.delete(externalId)
      purged.set(externalId, notBefore)
    },
  }
}
