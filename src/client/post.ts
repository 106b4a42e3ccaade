import type { Clock, Fetch } from '../core/ports.ts'
import { parseRetryAfter } from '../core/retry.ts'
import { type RefusalCode, statusOf } from '../core/wire.ts'

/** What the proxy said, or that nobody spoke for it. */
export type Answer =
  | { kind: 'delivered' | 'accepted' }
  | { kind: 'refused'; code: RefusalCode; path?: string; number?: number; retryAfterMs?: number | undefined }
  /** No answer, or one that is not ours: a login page, a captive portal, a firewall. `foreign` says which. */
  | { kind: 'unreachable' | 'timeout'; foreign?: boolean }

/**
 * An answer counts only when it is ours: JSON whose `status` or `code` belongs to its HTTP status. An HTML page with
 * 200 must not acknowledge, and a firewall's 403 must not drop.
 */
const readAnswer = async (response: Response, now: number): Promise<Answer> => {
  const body = await response.json().catch(() => undefined)
  const { status } = response
  if (status === (body?.status === 'delivered' ? 200 : body?.status === 'accepted' && 202)) return { kind: body.status }
  if (Object.hasOwn(statusOf, body?.code) && statusOf[body.code as RefusalCode] === status)
    return {
      kind: 'refused',
      code: body.code,
      path: body.path,
      number: body.number,
      retryAfterMs: parseRetryAfter(response.headers.get('retry-after'), now),
    }
  return { kind: 'unreachable', foreign: true }
}

/** One attempt, bounded in time until the answer's last byte. Never rejects, even when `send` throws. */
export const post = (
  send: Fetch,
  { url, token, updateId, body }: { url: string; token: string; updateId: string; body: string },
  { clock, timeoutMs, keepalive }: { clock: Clock; timeoutMs: number; keepalive: boolean },
): Promise<Answer> =>
  new Promise((resolve) => {
    const aborter = new AbortController()
    const cancel = clock.after(timeoutMs, () => {
      // Resolved here too: a patched fetch may ignore its signal.
      resolve({ kind: 'timeout' })
      aborter.abort()
    })
    const start = async (): Promise<Answer> =>
      readAnswer(
        await send(url, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'orq-update-id': updateId },
          body,
          keepalive,
          credentials: 'omit',
          cache: 'no-store',
          redirect: 'error',
          signal: aborter.signal,
        }),
        clock.now(),
      )
    start()
      .catch((): Answer => ({ kind: 'unreachable' }))
      .then((answer) => {
        cancel()
        resolve(answer)
      })
  })
