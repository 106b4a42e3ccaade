import type { Contact } from '../../src/core/contact.ts'
import type { Clock } from '../../src/core/ports.ts'
import type { Upsert } from '../../src/proxy/attempt.ts'
import { upsert } from '../../src/upstream/upsert.ts'

/** One request to upstream that waits for its answer. */
export interface OpenRequest {
  method: 'POST' | 'PATCH'
  contact: Contact
  answer(status: number, headers?: Record<string, string>): void
  /** Without an answer. @param code as Node and undici name it */
  fail(code?: string): void
}

export interface OpenRequests {
  open: OpenRequest[]
  /** POST, and PATCH where that does not do, as the proxy makes them; each is answered when told. */
  upsert: Upsert
}

/** Of one attempt, as by default. */
const timeoutMs = 9_999

/** @param onRequest hears of each request when it is begun */
export const createOpenRequests = (clock: Clock, onRequest: (request: OpenRequest) => void): OpenRequests => {
  const open: OpenRequest[] = []
  const begin = (method: 'POST' | 'PATCH', contact: Contact, signal: AbortSignal | undefined) =>
    new Promise<{ status: number; headers: Headers; body: string }>((resolve, reject) => {
      const leave = (): boolean => {
        cancel()
        return open.includes(request) && open.splice(open.indexOf(request), 1).length > 0
      }
      const fail = (error: unknown): void => void (leave() && reject(error))
      const request: OpenRequest = {
        method,
        contact,
        answer: (status, headers = {}) =>
          void (leave() && resolve({ status, headers: new Headers(headers), body: '{}' })),
        fail: (code) => fail(Object.assign(new Error('no answer'), { code })),
      }
      signal?.addEventListener('abort', () => fail(signal.reason))
      const cancel = clock.after(timeoutMs, () => request.fail())
      open.push(request)
      onRequest(request)
    })
  return {
    open,
    upsert: (contact, signal, goesOn) =>
      upsert((method, _, body) => begin(method, { ...body, external_id: contact.external_id }, signal), contact, {
        signal,
        goesOn,
      }),
  }
}
