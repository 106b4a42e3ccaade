import { loadChunk } from './chunk.ts'
import type { ClientOptions } from './options.ts'
import { createClient, type Orq } from './orq.ts'

/** A command as the stub queues it: a function of the client, or a method's name and its arguments. */
export type Command = ((orq: ScriptOrq) => void) | [method: keyof Orq, ...args: unknown[]]

export interface ScriptOrq extends Orq {
  /** Runs a command now, as the stub's queue would have run it later. */
  push(...commands: Command[]): void
}

const isOrq = (value: unknown): value is ScriptOrq =>
  !Array.isArray(value) && typeof (value as ScriptOrq | undefined)?.identify === 'function'

// By the getter itself: a named element, `<img name=currentScript>`, can shadow document.currentScript.
const ownTag = (): HTMLScriptElement | undefined => {
  const tag = typeof document === 'object' && Reflect.get(Document.prototype, 'currentScript', document)
  return tag instanceof HTMLScriptElement ? tag : undefined
}

/** `data-debounce-ms="100"` and the like; numbers and booleans are told by their form. */
const optionsOf = (tag: HTMLScriptElement): ClientOptions => {
  const options: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(tag.dataset))
    options[name] = /^(true|false|\d+)$/.test(text as string) ? JSON.parse(text as string) : text || true
  return options
}

/** Makes `window.orq` while the script runs, and replays what a stub has queued. */
export const install = (): ScriptOrq => {
  const scope = globalThis as { orq?: unknown }
  const before = scope.orq
  if (isOrq(before)) {
    console.warn('orq: included twice')
    return before
  }
  const tag = ownTag()
  const url = tag?.src
  const client = createClient(
    () => loadChunk(url),
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
  scope.orq = orq
  if (tag && (tag.dataset.tokenUrl || tag.dataset.token)) run(['init', optionsOf(tag)])
  if (Array.isArray(before)) {
    // Code that has kept the queue itself goes on giving to it.
    before.push = orq.push as typeof before.push
    before.splice(0).forEach(run)
  }
  return orq
}
