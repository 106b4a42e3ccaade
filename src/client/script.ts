import type { EngineModule } from './engine-context.ts'
import { createClient } from './orq.ts'
import type { Orq } from './orq-types.ts'
import { isSameOrigin, resolveUrl } from './url.ts'

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

/** Gets the chunk. `scriptUrl` is undefined where the script does not know its own tag. */
export type LoadChunk = (scriptUrl: string | undefined, proxyUrl: string) => Promise<EngineModule>

/** Makes `window.orq` while the script runs, and replays what a stub has queued. */
export const install = (loadChunk: LoadChunk): ScriptOrq => {
  const scope = globalThis as { orq?: unknown }
  const tag = ownTag()
  const data = { ...tag?.dataset }
  let queue: Command[] | undefined
  try {
    const former = scope.orq as ScriptOrq | Command[] | undefined
    if (Array.isArray(former)) queue = former
    else if (former?.explain) {
      console.warn('orq: included twice')
      // The first one may have had no settings.
      if (data['tokenUrl']) former.init(data)
      return former
    }
  } catch {
    // A frame of another origin by this name, which may not even be looked at.
  }
  // Not that of a blob or of an inline tag: nothing lies beside those.
  const url = tag && /^https?:/.test(tag.src) ? resolveUrl(tag.src) : undefined
  const client = createClient({
    load: (proxyUrl) => loadChunk(url, proxyUrl),
    guessProxyUrl: () => {
      if (data['proxyUrl']) return data['proxyUrl']
      const folder = url ? new URL('.', url).href : '/orq'
      return url && !isSameOrigin(folder) ? '' : folder
    },
  })
  const run = (command: Command): void => {
    try {
      if (typeof command === 'function') command(orq)
      else (orq[command[0]] as (...args: unknown[]) => unknown)(...command.slice(1))
    } catch (error) {
      // The page's own mistake, or an invalid option: the next command still runs.
      console.error(error)
    }
  }
  const orq: ScriptOrq = {
    ...client,
    push: (...commands) => commands.forEach(run),
  }
  Object.assign(scope, { orq })
  if (queue) {
    const commands = [...queue]
    // Code that has kept the queue itself goes on giving to it.
    if (!Object.isFrozen(queue)) Object.assign(queue, { length: 0, push: orq.push })
    commands.forEach(run)
  }
  // By `data-debounce-ms="100"` and the like. The page's own counts more.
  if (tag) run(() => client.init(data, true))
  return orq
}
