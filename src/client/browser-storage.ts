import type { KeyValueStore } from '../core/ports.ts'

/** localStorage as a port: never throws. Denied or full, it keeps nothing. */
export const browserStorage = (): KeyValueStore => {
  // Documents only: Node 25 has a localStorage that warns, and workers have none.
  const local = (): Storage => document.defaultView!.localStorage
  const attempt = <T>(action: () => T): T | undefined => {
    try {
      return action()
    } catch {
      return undefined
    }
  }
  return {
    get: (key) => attempt(() => local().getItem(key)) ?? undefined,
    set: (key, value) => {
      if (value && attempt(() => local().setItem(key, value) ?? true)) return
      // Full: a stale value would bring back what has been sent.
      attempt(() => local().removeItem(key))
    },
  }
}
