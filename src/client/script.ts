import type { EngineModule } from './intake.ts'
import type { ClientOptions } from './options.ts'
import { createClient, type Orq } from './orq.ts'

/** A command as the stub queues it: a function of the client, or a method's name and its arguments. */
export type Command = ((orq: ScriptOrq) => void) | [method: keyof Orq, ...args: unknown[]]

/** `window.orq`, once the script has loaded: the client, which also takes what its stub's queue would. */
export interface ScriptOrq extends Orq {
  /** Runs commands now, as the stub's queue would have run them later. What one throws goes to the console. */
  push(...commands: Command[]): void
}

// By the getter itself: a named element, `<img name=currentScript>`, can shadow document.currentScript.
const ownTag = (): HTMLScriptElement | undefined => {
  const tag = globalThis.document && Reflect.get(Document.prototype, 'currentScript', document)
  // By its name: a tag that another window has made is of that window's class.
  return tag?.localName === 'script' ? (tag as HTMLScriptElement) : undefined
}

/** `data-debounce-ms="100"` and the like; an attribute without a value is true. */
const optionsOf = (data: DOMStringMap): ClientOptions => {
  const options: Record<string, unknown> = {}
  for (const name of Object.keys(data)) options[name] = data[name] !== 'false' && (data[name] || true)
  return options
}

/**
 * What the page has at `window.orq`: a stub's queue, our client, or something else. A frame of another origin by that name
 * may not even be looked at.
 */
const findFormer = (): { queue?: Command[]; client?: ScriptOrq } => {
  const { orq } = globalThis as { orq?: unknown }
  try {
    const { identify, explain } = Object(orq) as Partial<ScriptOrq>
    if (Array.isArray(orq)) return { queue: orq }
    if (typeof identify === 'function' && typeof explain === 'function') return { client: orq as ScriptOrq }
  } catch {}
  return {}
}

/** Gets the chunk. `scriptUrl` is undefined where the script does not know its own tag. */
export type LoadChunk = (scriptUrl: string | undefined, proxyUrl: string) => Promise<EngineModule>

/** Makes `window.orq` while the script runs, and replays what a stub has queued. */
export const install = (loadChunk: LoadChunk): ScriptOrq => {
  const { queue, client: former } = findFormer()
  const tag = ownTag()
  if (former) {
    console.warn('orq: included twice')
    // The first one may have had no settings.
    if (tag && (tag.dataset.tokenUrl || tag.dataset.token)) former.push(['init', optionsOf(tag.dataset)])
    return former
  }
  // Not that of a blob or of an inline tag: nothing lies beside those.
  const url = /^https?:/.test(tag?.src ?? '') ? tag?.src : undefined
  const client = createClient(
    (proxyUrl) => loadChunk(url, proxyUrl),
    () => {
      if (tag?.dataset.proxyUrl) return tag.dataset.proxyUrl
      if (!url) return '/orq'
      if (new URL(url).origin === location.origin) return new URL('.', url).href
      console.error('orq: set data-proxy-url')
      return undefined
    },
  )
  const run = (command: Command): void => {
    try {
      if (typeof command === 'function') command(orq)
      else (orq[command[0]] as (...args: unknown[]) => unknown)(...command.slice(1))
    } catch (error) {
      // The page's own mistake, or an invalid option: the next command still runs.
      console.error(error)
    }
  }
  const orq: ScriptOrq = { ...client, push: (...commands) => commands.forEach(run) }
  Object.assign(globalThis, { orq })
  if (tag && (tag.dataset.tokenUrl || tag.dataset.token)) run(['init', optionsOf(tag.dataset)])
  if (queue) {
    const commands = [...queue]
    // Code that has kept the queue itself goes on giving to it.
    if (!Object.isFrozen(queue)) Object.assign(queue, { length: 0, push: orq.push })
    commands.forEach(run)
  }
  return orq
}
