import { peerFile } from './files.mjs'

// What Mixpanel's own snippet loads; the stub below is the part of that snippet which the file insists on.
const { version, content } = peerFile('mixpanel-browser', 'dist/mixpanel.min.js')

export const mixpanel = {
  id: 'mixpanel',
  label: 'Mixpanel',
  version,
  path: '/lib.js',
  files: { '/lib.js': content },
  before: 'window.mixpanel = []; mixpanel._i = []; mixpanel.__SV = 1.2',
  init: () => `mixpanel.init('key', { api_host: location.origin })`,
  // identify() has no traits: Mixpanel's documentation sets them on people right after it.
  identify: `(id, traits) => { mixpanel.identify(id); mixpanel.people.set(traits) }`,
  answer: ({ path }) => (/^\/(track|engage|groups)\/?$/.test(path) ? { body: '{"status":1,"error":null}' } : undefined),
  updates: ({ path, body }) => {
    if (!/^\/engage\/?$/.test(path)) return []
    const data = new URLSearchParams(body.toString()).get('data') ?? body.toString()
    const given = JSON.parse(/^[[{]/.test(data) ? data : Buffer.from(data, 'base64').toString())
    // Beside ours it sends the first referrer of the person by itself, as $set_once.
    return [given]
      .flat()
      .filter(({ $set }) => $set)
      .map(({ $distinct_id, $set }) => ({ id: $distinct_id, name: $set.name }))
  },
}
