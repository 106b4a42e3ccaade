import { loadChunk } from './chunk.ts'
import type { ClientOptions } from './options.ts'
import { createClient, type Orq } from './orq.ts'

/** A command as the stub queues it: a function of the client, or a method's name and its arguments. */
export type Command = ((orq: ScriptOrq) => void) | [method: keyof Orq, ...args: unknown[]]

export interface ScriptOrq extends Orq {
  /** Runs a command now, as the stub's queue would have run it later. */
  push(...commands: Command[]): void
}

// By the getter itself: a named element, `<img name=currentScript>`, can shadow document.currentScript.
const ownTag = (): HTMLScriptElement | undefined => {
  const tag = typeof document === 'object' && Reflect.get(Document.prototype, 'currentScript', document)
  return tag instanceof HTMLScriptElement ? tag : undefined
}

/** `data-debounce-ms="100"` and the like. */
const optionsOf = (data: DOMStringMap): ClientOptions => {
  const options: Record<string, unknown> = {}
  for (const name of Object.keys(data)) options[name] = data[name] !== 'false' && (data[name] || true)
  return options
}

/** Makes `window.orq` while the script runs, and replays what a stub has queued. */
export const install = (): ScriptOrq => {
  const scope = globalThis as { orq?: ScriptOrq | Command[] }
  const before = scope.orq
  const queue = Array.isArray(before) ? before : undefined
  if (!queue && (before as ScriptOrq | undefined)?.identify) {
    console.warn('orq: included twice')
    return before as ScriptOrq
  }
  const tag = ownTag()
  const url = tag?.src
  const data = tag?.dataset ?? {}
  const client = createClient(
    () => loadChunk(url),
    () => {
      const folder = data.proxyUrl ?? (url ? new URL('.', url).href : '/orq')
      if (data.proxyUrl || !url || folder.startsWith(`${location.origin}/`)) return folder
      console.error('orq: set data-proxy-url')
      return undefined
    },
  )
  const run = (command: Command): void => {
    try {
      if (typeof command === 'function') command(orq)
      else {
        const [method, ...args] = command
        ;(orq[method] as (...args: unknown[]) => unknown)(...args)
      }
    } catch (error) {
      // The page's own mistake, or an invalid option: the next command still runs.
      console.error(error)
    }
  }
  const orq: ScriptOrq = { ...client, push: (...commands) => commands.forEach(run) }
  scope.orq = orq
  if (data.tokenUrl || data.token) run(['init', optionsOf(data)])
  if (queue) {
    // Code that has kept the queue itself goes on giving to it.
    queue.push = orq.push as typeof queue.push
    queue.splice(0).forEach(run)
  }
  return orq
}
