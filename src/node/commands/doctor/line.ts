import { Agent } from 'undici'
import { troubleOf } from '../../../proxy/trouble.ts'
import { quote } from '../../setting-error.ts'

export interface Question {
  /** @defaultValue 'GET' */
  method?: 'GET' | 'POST' | 'OPTIONS' | undefined
  headers?: Record<string, string> | undefined
  body?: string | undefined
}

/** An answer as it came over the wire: no redirect followed, nothing decompressed. */
export interface Answer {
  status: number
  headers: Headers
  bytes: Buffer
}

/** No answer came. Its message says why, with the code of the system where there is one. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
  readonly hint: string
  /** What cannot be asked: a connection that ended says it of one request alone. */
  readonly of: 'server' | 'request'
  constructor(why: string, hint: string, of: 'server' | 'request' = 'server') {
    super(why)
    this.hint = hint
    this.of = of
  }
}

/** Asks servers as a browser does, with every header in our hand, which `fetch` does not allow. */
export interface Line {
  /** @throws Unanswered */
  ask(url: URL, question?: Question): Promise<Answer>
  close(): Promise<void>
}

/** Larger than any file of ours. */
const maxBytes = 1_000_000

/** What happened and what helps. Only codes are told: texts of errors may hold what somebody put into a certificate. */
const explain = (error: unknown, timeoutMs: number): Unanswered => {
  const { code } = error as { code?: unknown }
  const seen = (what: string): string => (typeof code === 'string' ? `${what} (${quote(code).slice(1, -1)})` : what)
  switch (troubleOf(error)) {
    case 'dns':
      return new Unanswered(seen('the name is not found'), 'check the spelling of the address and its DNS record')
    case 'tls':
      return new Unanswered(
        seen('no TLS connection that can be trusted'),
        'serve a certificate that is valid for this name, with its chain; for an authority of your own set NODE_EXTRA_CA_CERTS',
      )
    case 'timeout':
      return new Unanswered(
        `nothing within ${timeoutMs / 1_000} s`,
        'check that the server runs, and that no firewall drops requests to it',
      )
    case 'network':
      return code === 'ECONNREFUSED'
        ? new Unanswered(seen('nobody listens there'), 'check the address and its port, and that the server runs')
        : new Unanswered(seen('the connection ended'), 'check that the server runs, and its log', 'request')
  }
}

/** @param timeoutMs for each answer, with all of its body */
export const openLine = (timeoutMs = 10_000): Line => {
  const agent = new Agent()
  return {
    ask: async ({ origin, pathname, search }, { method = 'GET', headers, body } = {}) => {
      try {
        const answer = await agent.request({
          origin,
          path: pathname + search,
          method,
          headers: headers ?? {},
          body: body ?? null,
          signal: AbortSignal.timeout(timeoutMs),
        })
        const chunks: Uint8Array[] = []
        let length = 0
        for await (const chunk of answer.body) {
          chunks.push(chunk)
          length += chunk.length
          if (length > maxBytes) break // which destroys the rest
        }
        const found = new Headers()
        for (const [name, value] of Object.entries(answer.headers))
          for (const one of [value ?? []].flat()) found.append(name, one)
        return { status: answer.statusCode, headers: found, bytes: Buffer.concat(chunks) }
      } catch (error) {
        throw explain(error, timeoutMs)
      }
    },
    close: () => agent.destroy(),
  }
}
