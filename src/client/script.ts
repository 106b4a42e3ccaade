import { loadChunk } from './chunk.ts'
import type { ClientOptions } from './options.ts'
import { createClient, type Orq } from './orq.ts'

/** A command as the stub queues it: a function of the client, or a method's name and its arguments. */
export type Command = ((orq: ScriptOrq) => void) | [method: keyof Orq, ...args: unknown[]]

export interface ScriptOrq extends Orq {
  /** Runs a command now, as the stub's queue would have run it later. */
  push(...commands: Command[]): void
}

// A named element, `<img name=currentScript>`, can shadow document.currentScript.
const ownTag = (): Partial<HTMLScriptElement> => {
  const tag = globalThis.document?.currentScript
  return tag instanceof HTMLScriptElement ? tag : {}
}

/** `data-debounce-ms="100"` and the like; numbers and booleans are told by their form. */
const optionsOf = (data: DOMStringMap): ClientOptions =>
  Object.fromEntries(
    Object.entries(data).map(([name, text]) => [
      name,
      /Ms$/.test(name) ? Number(text) : /^(true|false)?$/.test(text!) ? text !== 'false' : text,
    ]),
  )

/** Makes `window.orq` while the script runs, and replays what a stub has queued. */
export const install = (): ScriptOrq => {
  const scope = globalThis as { orq?: unknown }
  const before = scope.orq
  if ((before as ScriptOrq | undefined)?.identify) {
    console.warn('orq: included twice')
    return before as ScriptOrq
  }
  const { src: url, dataset: data = {} } = ownTag()
  const client = createClient(loadChunk(url), () => {
    if (data.proxyUrl) return data.proxyUrl
    if (!url) return '/orq'
    if (url.startsWith(`${location.origin}/`)) return new URL('.', url).href
    console.error('orq: set data-proxy-url')
    return undefined
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
  const orq: ScriptOrq = { ...client, push: (...commands) => commands.forEach(run) }
  scope.orq = orq
  if (data.tokenUrl || data.token) run(['init', optionsOf(data)])
  if (Array.isArray(before)) before.forEach(run)
  return orq
}
