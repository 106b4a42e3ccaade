import ky from 'ky'
import type { Fetch } from '../../core/ports.ts'
import type { Send } from '../post.ts'

/** Makes single attempts through ky: when the next one happens is the outbox's business. */
export const createAttempts = (proxyUrl: string, fetch: Fetch, timeoutMs: number): ((signal: AbortSignal) => Send) => {
  const api = ky.create({ prefix: proxyUrl, fetch, timeout: timeoutMs, retry: 0, throwHttpErrors: false })
  return (signal) => (path, init) => api(path, { ...init, signal })
}
