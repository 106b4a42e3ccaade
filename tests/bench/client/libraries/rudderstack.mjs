import { peerFile } from './files.mjs'

// With the plugins inside: the smaller file loads them from RudderStack's CDN, which is not in the package.
const { version, content } = peerFile('@rudderstack/analytics-js', 'dist/npm/modern/bundled/umd/index.js')
const off = { enabled: false }
const sourceConfig = {
  source: {
    id: 'source',
    name: 'source',
    writeKey: 'key',
    enabled: true,
    workspaceId: 'workspace',
    config: { statsCollection: { errors: off, metrics: off } },
    connections: [],
    destinations: [],
  },
  updatedAt: '2026-01-01T00:00:00.000Z',
}

export const rudderstack = {
  id: 'rudderstack',
  label: 'RudderStack',
  version,
  path: '/lib.js',
  files: { '/lib.js': content },
  init: () => `window.analytics = new rudderanalytics.RudderAnalytics()
    analytics.load('a-write-key-of-27-characters', location.origin, { configUrl: location.origin })`,
  identify: '(id, traits) => analytics.identify(id, traits)',
  answer: ({ path }) => {
    if (/^\/sourceConfig/.test(path)) return { body: JSON.stringify(sourceConfig) }
    if (/^\/v1\/(identify|batch)$|^\/beacon\//.test(path)) return { type: 'text/plain', body: 'OK' }
  },
  updates: ({ path, body }) => {
    if (!/^\/v1\/(identify|batch)$|^\/beacon\//.test(path)) return []
    const given = JSON.parse(body)
    return (given.batch ?? [given])
      .filter(({ type }) => type === 'identify')
      .map(({ userId, context }) => ({ id: userId, name: context?.traits?.name }))
  },
}
