import type { Contact, Fields } from '../../src/core/contact.ts'
import { createDispatcher } from '../../src/proxy/dispatcher.ts'
import { memory } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import type { UpsertResult } from '../../src/upstream/upsert.ts'
import { fakeClock } from '../clock.ts'

const result = (kind: UpsertResult['kind'], status = 200, headers = {}): UpsertResult => ({
  kind,
  answer: { status, headers: new Headers(headers), body: '{}' },
})

export interface Call {
  contact: Contact
  answer(kind: UpsertResult['kind'] | 'lost', status?: number, headers?: Record<string, string>): void
}

/** A dispatcher whose upstream answers when told. */
export const setUp = ({
  concurrency = 64,
  store: given,
}: {
  concurrency?: number
  store?: (store: Store) => Store
} = {}) => {
  const clock = fakeClock()
  const inner = memory({ clock })
  const store = given?.(inner) ?? inner
  const open: Call[] = []
  let most = 0
  const dispatcher = createDispatcher({
    store,
    clock,
    concurrency,
    upsert: (contact, signal) =>
      new Promise((resolve, reject) => {
        const leave = (): void => void open.splice(open.indexOf(call), 1)
        const call: Call = {
          contact,
          answer: (kind, status, headers) => {
            leave()
            if (kind === 'lost') reject(new Error('lost'))
            else resolve(result(kind, status, headers))
          },
        }
        signal.addEventListener('abort', () => {
          if (!open.includes(call)) return
          leave()
          reject(signal.reason)
        })
        open.push(call)
        most = Math.max(most, open.length)
      }),
  })
  const put = (externalId: string, fields: Fields = {}) => dispatcher.deliver({ externalId, fields })
  return { clock, store, open, dispatcher, put, most: () => most }
}

export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
