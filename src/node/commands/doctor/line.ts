import { Agent } from 'undici'
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

/** No answer came. Its message says why, in a code of the system. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
}

/** Asks servers as a browser does, with every header in our hand, which `fetch` does not allow. */
export interface Line {
  /** @throws Unanswered */
  ask(url: URL, question?: Question): Promise<Answer>
  close(): Promise<void>
}

const timeoutMs = 10_000
/** Larger than any file of ours. */
const maxBytes = 1_000_000

const reasonOf = (error: unknown): string => {
  const { code, name } = error as { code?: unknown; name?: unknown }
  if (name === 'TimeoutError') return `nothing within ${timeoutMs / 1_000} s`
  return typeof code === 'string' ? quote(code).slice(1, -1) : 'the connection ended'
}

export const openLine = (): Line => {
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
        throw new Unanswered(reasonOf(error))
      }
    },
    close: () => agent.destroy(),
  }
}
