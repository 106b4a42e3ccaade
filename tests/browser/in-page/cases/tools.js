import { addScript, createWatch, event, openFrame } from './frame.js'

const told = ({ status, reason }) => (reason ? `${status}: ${reason}` : status)

/** A body as the proxy would answer it. */
export const refused = (status, code, more = {}, headers = {}) => ({ status, body: { code, ...more }, headers })

const post = (url, body) => fetch(url, { method: 'POST', body: JSON.stringify(body) })

/**
 * What one case works with: a person and a corner of the server of its own, so that no case disturbs another.
 * @param door the built file under test
 */
export const createTools = (name, door) => {
  const id = `${name}-${Math.random().toString(36).slice(2, 8)}`
  const base = `/at/${id}`
  const { lines, problems, keys, watch, noteDecision } = createWatch()
  const frames = new Set()

  const frame = async (path = `${base}/document`, watcher = watch) => {
    const made = await openFrame(path, watcher)
    frames.add(made)
    return {
      ...made,
      remove: () => {
        frames.delete(made)
        made.remove()
      },
    }
  }

  /** Loads the door into a window, as an import or by a tag. */
  const load = (win, file = door, data = {}) =>
    addScript(
      win,
      file === 'orq.esm.js' ? { src: `${base}/door.js`, type: 'module' } : { src: `${base}/orq/${file}`, ...data },
    )

  const pageOf = ({ win, remove }) => {
    const decisions = []
    return {
      win,
      decisions,
      remove,
      identify: async (...args) => told(await win.orq.identify(...args)),
      /** Call right after `orq` is there. */
      listen: () =>
        win.orq.on('decision', (decision) => {
          noteDecision(decision)
          decisions.push(decision.kind)
          win.dispatchEvent(new win.Event(`decision-${decision.kind}`))
        }),
      /** The next decision of a kind. */
      decision: (kind) => event(win, `decision-${kind}`),
    }
  }

  /**
   * A page with the client started.
   * @param before changes the window before the script runs
   */
  const open = async ({ before, proxyUrl = `${base}/orq`, ...options } = {}) => {
    const made = await frame()
    before?.(made.win)
    await load(made.win)
    const page = pageOf(made)
    page.listen()
    const token = 'token' in options || 'tokenUrl' in options ? {} : { tokenUrl: `${base}/token` }
    made.win.orq.init({ proxyUrl, debounceMs: 10, ...token, ...options })
    return page
  }

  return {
    id,
    base,
    door,
    frame,
    load,
    pageOf,
    open,
    /** A page as HTML of the case's own, with an inline stub or a policy. */
    document: async (html, headers = {}) => {
      await post(`${base}/control`, { document: { html, headers } })
      return pageOf(await frame())
    },
    script: (settings) => post(`${base}/control`, settings),
    release: () => post(`${base}/control`, { release: true }),
    /** What has arrived, once it is as much as asked for: `{ posts, tokens, idle }`. */
    log: async (wanted = {}) => (await fetch(`${base}/log?${new URLSearchParams(wanted)}`)).json(),
    token: async () => (await (await fetch(`${base}/token`, { method: 'POST' })).json()).token,
    printed: (...levels) => lines.filter(({ level }) => levels.includes(level)).map(({ text }) => text),
    keys,
    stored: () => [...keys].map((key) => localStorage.getItem(key)).join('\n'),
    /** For a problem that the case itself has caused. */
    forgive: (pattern) => {
      for (const problem of problems.filter((text) => pattern.test(text))) problems.splice(problems.indexOf(problem), 1)
    },
    /** @returns what went wrong unseen */
    close: () => {
      for (const made of frames) made.remove()
      for (const key of keys) localStorage.removeItem(key)
      return problems
    },
  }
}

/** For absence alone, which no event tells. */
export const quiet = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * The least of what is measured, which is measured again while it is more than `enough`, five times at most: a busy machine is
 * late now and then, and never early.
 */
export const leastOf = async (enough, measure) => {
  let least = Number.POSITIVE_INFINITY
  for (let n = 0; n < 5 && least > enough; n++) least = Math.min(least, await measure(n))
  return least
}

/** For what no event tells: looks again every few milliseconds. */
export const until = async (isSo) => {
  while (!isSo()) await quiet(5)
}
