import { createServer } from 'node:http'
import { createProxy, jwt, mintToken } from '../../../../dist/server.js'
import { ownFile, ownVersion } from './files.mjs'

const secret = 'a secret of the benchmark, 32 bytes and more'
const files = { '/orq/orq.js': ownFile('orq.js'), '/orq/transport.js': ownFile('transport.js') }

/** A contacts API that answers at once, reached by HTTP as the real one is. */
const startUpstream = async ({ accept, isUnavailable }) => {
  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    response.setHeader('content-type', 'application/json')
    if (isUnavailable()) return response.writeHead(503).end('{}')
    const { external_id, display_name } = JSON.parse(Buffer.concat(chunks))
    accept([{ id: external_id, name: display_name }])
    return response.end(JSON.stringify({ _id: 'contact_01', external_id }))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const backend = async (upstreamState) => {
  const upstream = await startUpstream(upstreamState)
  const proxy = createProxy({
    verify: jwt({ secret }),
    upstream: { apiKey: 'key', serverUrl: `http://127.0.0.1:${upstream.address().port}` },
  })
  return {
    answer: async ({ method, path, url, headers, body }) => {
      // The app's own route; who is signed in stands in the URL here, in a session elsewhere.
      if (path === '/token')
        return {
          body: JSON.stringify({ token: await mintToken({ subject: url.searchParams.get('person') }, { secret }) }),
        }
      const response = await proxy.fetch(
        new Request(`http://proxy.test${path}`, { method, headers, body: body.length ? body : undefined }),
        { address: '127.0.0.1' },
      )
      return { status: response.status, body: await response.text(), headers: Object.fromEntries(response.headers) }
    },
    close: async () => {
      upstream.closeAllConnections()
      await new Promise((resolve) => upstream.close(resolve))
      await proxy.close()
    },
  }
}

export const orq = {
  id: 'orq',
  label: 'orq-identify',
  version: ownVersion,
  path: '/orq/orq.js',
  files,
  backend,
  attributes: (person) => `data-token-url="/token?person=${person}"`,
  /** The same where the server has put the token into the page: then it is at hand at the first call. */
  withToken: { attributes: async (person) => `data-token="${await mintToken({ subject: person }, { secret })}"` },
  init: () => '',
  identify: '(id, traits) => orq.identify(id, traits)',
  updates: ({ path, body }) => {
    if (path !== '/orq/v2/contacts') return []
    const { external_id, display_name } = JSON.parse(body)
    return [{ id: external_id, name: display_name }]
  },
}
