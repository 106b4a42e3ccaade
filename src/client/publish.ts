import type { ScriptOrq } from './script.ts'

/**
 * Hands the client to CommonJS and AMD too, where they are. `window.orq` is set already, whatever else is on the page: many
 * pages have an element or a variable called `module`, `exports` or `define`.
 */
export const publish = (orq: ScriptOrq): void => {
  const scope = globalThis as { define?: { amd?: unknown } & ((name: string, make: () => ScriptOrq) => void) }
  try {
    if (typeof module === 'object' && module?.exports) module.exports = orq
    // By name: RequireJS refuses an anonymous `define` from a script tag.
    if (scope.define?.amd) scope.define('orq-identify', () => orq)
  } catch {
    // Somebody else's, which takes nothing: a form's field, say, or a frozen object.
  }
}
