// An app that uses the `analytics` package, and what the tests do to it: window.analytics.
import { Analytics } from 'analytics'
import { orq } from 'orq-identify'
import { orqPlugin } from 'orq-identify/analytics'

let analytics
globalThis.client = orq

globalThis.analytics = {
  /** @param early what is called in the same task */
  create: (...early) => {
    analytics = Analytics({ app: 'test', plugins: [orqPlugin(orq)] })
    if (early.length) void analytics.identify(...early)
  },
  identify: (...args) => analytics.identify(...args).then(() => undefined),
  identifyAndReset: (...args) => Promise.all([analytics.identify(...args), analytics.reset()]).then(() => undefined),
  reset: () => analytics.reset().then(() => undefined),
  init: () => orq.init({ proxyUrl: '/orq', tokenUrl: '/token', debounceMs: 20 }),
}
