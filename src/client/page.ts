export interface PageEvents {
  /** The page may be gone in a moment, or comes back much later. */
  leave(): void
  /** Something that stood in the way may be over. */
  wake(): void
}

/**
 * Listens to what a page's life brings. Never `unload` or `beforeunload`: both are unreliable on phones and cost the
 * back/forward cache. Outside a document nothing is listened to.
 * @returns ends the listening
 */
export const listenToPage = ({ leave, wake }: PageEvents): (() => void) => {
  if (typeof document === 'undefined') return () => {}
  const visibility = (): void => (document.visibilityState === 'hidden' ? leave() : wake())
  document.addEventListener('visibilitychange', visibility)
  // Safari fires no visibilitychange when a tab navigates away (https://bugs.webkit.org/show_bug.cgi?id=151610).
  addEventListener('pagehide', leave)
  addEventListener('online', wake)
  return () => {
    document.removeEventListener('visibilitychange', visibility)
    removeEventListener('pagehide', leave)
    removeEventListener('online', wake)
  }
}

/** `navigator.onLine` knows of networks, not of this machine: a proxy on a loopback address is always tried. */
export const isOfflineFor = (proxyUrl: string): (() => boolean) => {
  const isLoopback = /^https?:\/\/([\w.-]*\.)?(localhost|127\.[\d.]+|\[::1\])(:|\/|$)/i.test(proxyUrl)
  return () => !isLoopback && globalThis.navigator?.onLine === false
}

/** Global Privacy Control (https://w3c.github.io/gpc/) or Do Not Track. */
export const hasPrivacySignal = (): boolean => {
  const { globalPrivacyControl, doNotTrack } = (globalThis.navigator ?? {}) as Navigator & {
    globalPrivacyControl?: boolean
  }
  return globalPrivacyControl === true || doNotTrack === '1'
}
