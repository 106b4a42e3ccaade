import type { IdentifiedUser, Orq } from '../../index.ts'
import { byId } from './element.ts'

export type { Decision, Outcome } from '../../index.ts'

/** Whom this page identifies: always with the id in camelCase. */
export type PageUser = IdentifiedUser & { externalId: string }

/** The page itself: the script tag has put its global there, or will. */
const scope: { orq?: Orq } = window as { orq?: Orq }

/** The global of the script tag, once it is there; rejects when the script could not be loaded. */
export const loadOrq = (): Promise<Orq> =>
  new Promise((resolve, reject) => {
    const look = (): void => {
      if (scope.orq) resolve(scope.orq)
      else reject(new Error('/orq/orq.js did not load. Is it built? Run: npm run build'))
    }
    if (scope.orq || document.readyState === 'complete') {
      look()
      return
    }
    byId('orq-script').addEventListener('load', look)
    // An async script may have failed before we could listen to it; the window's own event comes after all of them.
    window.addEventListener('load', look)
  })
