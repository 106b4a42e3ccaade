// An app that uses Segment, and what the tests do to it: window.segment.
import { AnalyticsBrowser } from '@segment/analytics-next'
import { orq } from 'orq-identify'
import { orqPlugin } from 'orq-identify/segment'

const analytics = new AnalyticsBrowser()
globalThis.client = orq

globalThis.segment = {
  identify: (...args) => void analytics.identify(...args),
  identifyAndReset: (...args) => {
    void analytics.identify(...args)
    void analytics.reset()
  },
  reset: () => void analytics.reset(),
  register: () => void analytics.register(orqPlugin(orq)),
  deregister: () => analytics.deregister('Orq').then(() => undefined),
  load: async () => {
    const { host } = location
    const integrations = { 'Segment.io': { apiKey: 'key', apiHost: `${host}/v1`, protocol: 'http' } }
    analytics.load({ writeKey: 'key', cdnSettings: { integrations } })
    await analytics
  },
  init: () => orq.init({ proxyUrl: '/orq', tokenUrl: '/token', debounceMs: 20 }),
  /** All calls until now have come to all plugins. */
  settle: async () => {
    await analytics.track('settled')
    await orq.flush()
  },
}
