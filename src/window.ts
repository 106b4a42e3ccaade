import type { ScriptOrq } from './client/script.ts'

declare global {
  /** What a script tag sets; before it has loaded, the stub's queue. */
  interface Window {
    /** The client, once the script has run. Before that only `push` and what the stub defines can be called. */
    orq: ScriptOrq
  }
  /** The same, as pages call it. */
  var orq: ScriptOrq
}

export type { Command, ScriptOrq } from './client/script.ts'
