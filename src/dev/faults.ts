import { type FieldName, maxBodyBytes } from '../core/contact.ts'
import type { Clock } from '../core/ports.ts'
import { readJsonBody } from './json-body.ts'

/**
 * How the embedded API behaves: `ok` as it should, `down` 503, `slow` an answer after some seconds, `rate_limited` 429
 * with `Retry-After: 2`, `refuse_email` and the like 422 for every body with this one field.
 */
export type FaultMode = 'ok' | 'down' | 'slow' | 'rate_limited' | `refuse_${FieldName}`

const refusing: ReadonlyMap<unknown, FieldName> = new Map<FaultMode, FieldName>([
  ['refuse_display_name', 'display_name'],
  ['refuse_email', 'email'],
  ['refuse_avatar_url', 'avatar_url'],
  ['refuse_tags', 'tags'],
  ['refuse_metadata', 'metadata'],
])

const modes: ReadonlySet<unknown> = new Set<unknown>(['ok', 'down', 'slow', 'rate_limited', ...refusing.keys()])

/** The modes in words, for whoever named another. */
export const faultModes: string = [...modes].join(', ')

export const isFaultMode = (value: unknown): value is FaultMode => modes.has(value)

export interface Faults {
  readonly mode: FaultMode
  set(mode: FaultMode): void
  /**
   * The answer that the fault gives in place of the API, or undefined to go on, at once or after the delay. Leaves the
   * request's body unread. Rejects when the request is aborted meanwhile, as `fetch` does.
   */
  answer(request: Request): Promise<Response | undefined>
  /** Ends the delays that run. */
  close(): void
}

const message = 'a fault set for this development server'

const refuse = (status: number, code: string, headers: HeadersInit = {}): Response =>
  Response.json({ code, message }, { status, headers })

/** Whether the body is an object with this field. Anything else is the API's own to judge. */
const carries = async (request: Request, field: FieldName): Promise<boolean> => {
  if (!request.body) return false
  const body = await readJsonBody(request.clone(), maxBodyBytes)
  return 'value' in body && typeof body.value === 'object' && body.value !== null && Object.hasOwn(body.value, field)
}

/** Rejects as soon as the signal is aborted. */
const sleep = (ms: number, signal: AbortSignal, clock: Clock): Promise<void> =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const end = (): void => {
      cancel()
      reject(signal.reason)
    }
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', end)
      resolve()
    })
    signal.addEventListener('abort', end, { once: true })
  })

export const createFaults = (slowMs: number, clock: Clock): Faults => {
  let mode: FaultMode = 'ok'
  const closing = new AbortController()
  return {
    get mode() {
      return mode
    },
    set: (next) => {
      mode = next
    },
    answer: async (request) => {
      if (mode === 'down') return refuse(503, 'unavailable')
      if (mode === 'rate_limited') return refuse(429, 'rate_limited', { 'Retry-After': '2' })
      if (mode === 'slow') await sleep(slowMs, AbortSignal.any([request.signal, closing.signal]), clock)
      const path = refusing.get(mode)
      if (path === undefined || !(await carries(request, path))) return undefined
      return Response.json({ code: 'invalid_contact', path, message }, { status: 422 })
    },
    close: () => closing.abort(),
  }
}
