import { gunzipSync } from 'node:zlib'
import { peerFile } from './files.mjs'

// What PostHog's own snippet loads.
const { version, content } = peerFile('posthog-js', 'dist/array.js')
const remoteConfig = {
  supportedCompression: ['gzip', 'gzip-js'],
  hasFeatureFlags: false,
  autocapture_opt_out: true,
  sessionRecording: false,
  heatmaps: false,
  surveys: false,
  capturePerformance: false,
  captureDeadClicks: false,
  autocaptureExceptions: false,
  siteApps: [],
}

const decode = ({ url, body }) => {
  const isGzip = url.searchParams.get('compression') === 'gzip-js' || (body[0] === 0x1f && body[1] === 0x8b)
  const text = isGzip ? gunzipSync(body).toString() : body.toString()
  if (!text.startsWith('data=')) return JSON.parse(text)
  return JSON.parse(Buffer.from(decodeURIComponent(text.slice(5)), 'base64').toString())
}

export const posthog = {
  id: 'posthog',
  label: 'PostHog',
  version,
  path: '/lib.js',
  files: { '/lib.js': content },
  // Everything but identify is off, in its favour: no recorder, surveys or page views to load and send.
  init: () => `posthog.init('key', { api_host: location.origin, autocapture: false, capture_pageview: false,
    capture_pageleave: false, capture_dead_clicks: false, capture_heatmaps: false, capture_performance: false,
    capture_exceptions: false, rageclick: false, disable_session_recording: true, disable_surveys: true,
    advanced_disable_flags: true, disable_external_dependency_loading: true })`,
  identify: '(id, traits) => posthog.identify(id, traits)',
  answer: ({ path }) => {
    if (/^\/array\/key\/config\.js/.test(path))
      return {
        type: 'text/javascript',
        body: `window._POSTHOG_REMOTE_CONFIG={key:{config:${JSON.stringify(remoteConfig)},siteApps:[]}}`,
      }
    if (/^\/array\/key\/config/.test(path)) return { body: JSON.stringify(remoteConfig) }
    if (/^\/(flags|decide)/.test(path)) return { body: '{"flags":{},"errorsWhileComputingFlags":false}' }
    if (/^\/(e|i\/v0\/e|batch|s)\/?$/.test(path)) return { body: '{"status":1}' }
  },
  updates: (incoming) => {
    if (!/^\/(e|i\/v0\/e|batch)\/?$/.test(incoming.path)) return []
    const given = decode(incoming)
    const events = Array.isArray(given) ? given : (given.batch ?? [given])
    return events
      .filter(({ event }) => event === '$identify' || event === '$set')
      .map(({ $set, properties }) => ({ id: properties.distinct_id, name: ($set ?? properties.$set)?.name }))
  },
}
