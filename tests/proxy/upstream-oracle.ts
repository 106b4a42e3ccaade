import { expect } from 'vitest'
import type { Contact } from '../../src/core/contact.ts'

export const fields = ['display_name', 'tags'] as const
export type Field = (typeof fields)[number]

/** Each value is a number, higher than all before, so that order can be seen. */
export const fieldsWith = (field: Field, value: number) =>
  field === 'tags' ? { tags: [`${value}`] } : { display_name: `${value}` }

const valuesOf = (contact: Contact): [key: string, value: number][] =>
  fields
    .filter((field) => contact[field] !== undefined)
    .map((field) => [`${contact.external_id}.${field}`, Number([contact[field]].flat()[0])])

/** What upstream has, and what it must have in the end: by contact and field the value that was accepted last. */
export interface UpstreamOracle {
  /** Some values it refuses, until this is set. */
  isMended: boolean
  refuses(contact: Contact): boolean
  /** A request begins. Nothing of before a purge, and nothing that was refused here, may go out. */
  begins(contact: Contact): void
  /** It has these values now. None may be older than one that it had before. */
  applies(contact: Contact): void
  /** Another backend changes the contact there. */
  overwrites(externalId: string): void
  /** The proxy refuses this value: it must never go out. */
  refused(value: number): void
  /** The proxy has taken it to be sent: upstream has to have it in the end. */
  accepted(key: string, value: number): void
  /** The proxy says that upstream has it, and sends nothing. */
  expectKnown(key: string, value: number): void
  /** The proxy says that upstream has been given it. */
  wasDelivered(key: string, value: number): boolean
  /** What was accepted of it last; undefined before anything was. */
  last(key: string): number | undefined
  /** All that was accepted up to `value` is forgotten. */
  purge(externalId: string, value: number): void
  expectEverything(): void
}

export const createUpstreamOracle = (): UpstreamOracle => {
  const contents = new Map<string, number | 'of another backend'>()
  const highest = new Map<string, number>()
  const expected = new Map<string, number>()
  /** Changed there since the last update of ours, which the proxy cannot know. */
  const foreign = new Set<string>()
  const purgedUpTo = new Map<string, number>()
  const never = new Set<number>()
  const oracle: UpstreamOracle = {
    isMended: false,
    refuses: (contact) => !oracle.isMended && valuesOf(contact).some(([, value]) => value % 3 === 2),
    begins: (contact) => {
      for (const [key, value] of valuesOf(contact)) {
        expect(value, `${key} is sent after its purge`).toBeGreaterThan(purgedUpTo.get(contact.external_id) ?? 0)
        expect(never, `${key} is sent though it was refused`).not.toContain(value)
      }
    },
    applies: (contact) => {
      for (const [key, value] of valuesOf(contact)) {
        expect(value, `${key} goes backwards`).toBeGreaterThanOrEqual(highest.get(key) ?? 0)
        highest.set(key, value)
        contents.set(key, value)
        foreign.delete(key)
      }
    },
    overwrites: (externalId) => {
      for (const field of fields) {
        const key = `${externalId}.${field}`
        contents.set(key, 'of another backend')
        foreign.add(key)
      }
    },
    refused: (value) => void never.add(value),
    accepted: (key, value) => {
      expected.set(key, value)
      foreign.delete(key)
    },
    expectKnown: (key, value) => {
      if (!foreign.has(key)) expect(contents.get(key), `${key} is said to be known upstream`).toBe(value)
    },
    wasDelivered: (key, value) => (highest.get(key) ?? 0) >= value,
    last: (key) => expected.get(key),
    purge: (externalId, value) => {
      purgedUpTo.set(externalId, value)
      for (const field of fields) expected.delete(`${externalId}.${field}`)
    },
    expectEverything: () => {
      for (const [key, value] of expected) if (!foreign.has(key)) expect([key, contents.get(key)]).toEqual([key, value])
    },
  }
  return oracle
}
