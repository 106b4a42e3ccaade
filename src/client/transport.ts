import ky from 'ky'
import type { Fetch } from '../core/ports.ts'

/** Attempts through ky: one each, for when the next one happens is the outbox's business. Its own chunk, loaded late. */
export const transport =
  (fetch: Fetch, timeoutMs: number): Fetch =>
  (url, init) =>
    ky(url, { ...init, fetch: fetch as typeof globalThis.fetch, timeout: timeoutMs, retry: 0, throwHttpErrors: false })
