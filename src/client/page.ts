import type { Clock } from '../core/ports.ts'

export const isHidden = (): boolean => globalThis.document?.visibilityState === 'hidden'

/**
 * Listens to what a page's life brings. Never `unload` or `beforeunload`: both are unreliable on phones and cost the
 * back/forward cache. Outside a document nothing is listened to.
 * @param leave the page may be gone in a moment, or comes back much later
 * @param wake something that stood in the way may be over: the page is seen again, or the network is back
 * @param signal ends the listening
 */
export const listenToPage = (leave: () => unknown, wake: () => unknown, signal: AbortSignal): void => {
  if (!globalThis.document || !globalThis.addEventListener) return
  const hear = ({ type }: Event): unknown =>
    type === 'pagehide' || (type !== 'online' && isHidden()) ? leave() : wake()
  // Safari fires no visibilitychange when a tab navigates away (https://bugs.webkit.org/show_bug.cgi?id=151610). It
  // bubbles from the document (https://html.spec.whatwg.org/multipage/interaction.html#page-visibility).
  for (const type of ['visibilitychange', 'pagehide', 'online']) addEventListener(type, hear, { signal })
}

/** `navigator.onLine` knows of networks, not of this machine: a proxy on a loopback address is never offline. */
export const isOffline = (proxyUrl: string): boolean =>
  globalThis.navigator?.onLine === false && !/^(localhost|127\.[\d.]+|\[::1])$/.test(new URL(proxyUrl).hostname)

/** Global Privacy Control (https://w3c.github.io/gpc/) or Do Not Track. */
export const hasPrivacySignal = (): boolean => {
  const { globalPrivacyControl, doNotTrack } = Object(globalThis.navigator)
  return globalPrivacyControl || doNotTrack === '1'
}

/** Runs a task once the page is shown: a page that is only prerendered may never be (https://wicg.github.io/nav-speculation/). */
export const whenActivated = (task: () => void): void => {
  const page = globalThis.document as (Document & { prerendering?: boolean }) | undefined
  if (page?.prerendering) page.addEventListener('prerenderingchange', task, { once: true })
  else task()
}

/** Runs a task when the page is idle, in two seconds at most; where that cannot be told, after this task. */
export const whenIdle = (task: () => void, clock: Clock): void => {
  // Safari has none.
  const { requestIdleCallback: request } = globalThis as { requestIdleCallback?: typeof requestIdleCallback }
  const wait = (): unknown => (request ? request(task, { timeout: 2_000 }) : clock.after(0, task))
  // Until then scripts may come that call `init`.
  if (globalThis.document?.readyState === 'loading') addEventListener('DOMContentLoaded', wait, { once: true })
  else wait()
}
