/** What stands in the proxy's place for one request. Without `status` the real proxy answers. */
export interface ScriptedAnswer {
  status?: number
  headers?: Record<string, string>
  /** A text goes out as it is, anything else as JSON. */
  body?: unknown
  /** Waits for `release`. */
  isHeld?: boolean
  /** Never answers. */
  isSilent?: boolean
  /** The proxy does its work, and the connection breaks before its answer is out. */
  isLost?: boolean
}

/** The next answer of the token route. */
export interface ScriptedToken {
  status?: number
  body?: unknown
  /** Signed by a key that the proxy does not know. */
  isForged?: boolean
  /** The only fields that the token allows. */
  fields?: string[]
  isHeld?: boolean
}

export interface Posted {
  body: Record<string, unknown>
  /** The header as it came. */
  updateId: string
  /** Whom the token speaks for. */
  subject: string
  /** By the server's clock, in milliseconds since the epoch. */
  at: number
}

/** One case's own corner of the server: its person, its scripted answers, and what has arrived. */
export interface Scope {
  person: string | null
  answers: ScriptedAnswer[]
  tokens: ScriptedToken[]
  posts: Posted[]
  tokenCalls: number
  /** What is served in the chunk's place: itself, nothing, or nothing ever. */
  chunk: 'here' | 'gone' | 'silent'
  /** Names of the browser files asked for. */
  files: string[]
  /** Requests being answered now, and the most there have been at once. */
  open: number
  mostOpen: number
  document: { html: string; headers: Record<string, string> }
  changed(): void
  /** Resolves once there are as many, and nothing is open if so asked; in any case after ten seconds. */
  arrived(wanted: { posts?: number; tokens?: number; isIdle?: boolean }): Promise<void>
  held(): Promise<void>
  release(): void
}

export const createScope = (name: string): Scope => {
  const waiting = new Set<() => void>()
  let holders: (() => void)[] = []
  const nextChange = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      waiting.add(wake)
    })
  const scope: Scope = {
    person: name,
    answers: [],
    tokens: [],
    posts: [],
    tokenCalls: 0,
    chunk: 'here',
    files: [],
    open: 0,
    mostOpen: 0,
    document: { html: '<!doctype html>', headers: {} },
    changed: () => {
      for (const wake of waiting) wake()
    },
    arrived: async ({ posts = 0, tokens = 0, isIdle = false }) => {
      const end = Date.now() + 10_000
      const isDue = (): boolean =>
        scope.posts.length >= posts && scope.tokenCalls >= tokens && !(isIdle && scope.open > 0)
      while (!isDue() && Date.now() < end) await nextChange(end - Date.now())
    },
    held: () => new Promise((resolve) => holders.push(resolve)),
    release: () => {
      for (const resolve of holders) resolve()
      holders = []
    },
  }
  return scope
}
