import ky from 'ky'
import type { Fetch } from '../core/ports.ts'

/** One attempt through ky: when the next one happens is the outbox's business. */
export const createAttempt =
  (fetch: Fetch, timeoutMs: number, signal: AbortSignal): Fetch =>
  (url, init) =>
    ky(url, {
      ...init,
      signal,
      // Handed on as the port declares it: ky calls with a Request.
      fetch: (request) => fetch(url, { ...init, signal: (request as Request).signal }),
      timeout: timeoutMs,
      retry: 0,
      throwHttpErrors: false,
    })
