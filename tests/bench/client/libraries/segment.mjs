import { peerFile } from './files.mjs'

// The UMD file of the package; the one that Segment's CDN serves is 1 kB larger.
const { version, content } = peerFile('@segment/analytics-next', 'dist/umd/index.js')
const settings = {
  integrations: { 'Segment.io': { apiKey: 'key', unbundledIntegrations: [], addBundledMetadata: true } },
  plan: {},
}

export const segment = {
  id: 'segment',
  label: 'Segment analytics-next',
  version,
  path: '/lib.js',
  files: { '/lib.js': content },
  init: () => `window.analytics = AnalyticsNext.AnalyticsBrowser.load(
    { writeKey: 'key', cdnURL: location.origin },
    { integrations: { 'Segment.io': { apiHost: location.host + '/v1', protocol: 'http' } } })`,
  identify: '(id, traits) => analytics.identify(id, traits)',
  answer: ({ path }) => {
    if (path === '/v1/projects/key/settings') return { body: JSON.stringify(settings) }
    if (path === '/v1/i' || path === '/v1/m') return { body: '{"success":true}' }
  },
  updates: ({ path, body }) => {
    if (path !== '/v1/i') return []
    const { userId, traits } = JSON.parse(body)
    return [{ id: userId, name: traits?.name }]
  },
}
