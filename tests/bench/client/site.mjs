import { createServer } from 'node:http'
import { brotliCompressSync, constants } from 'node:zlib'

/** The size that counts: what a server that compresses once and serves for ever would send. */
export const brotli = (content) => brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })

const scripts = new Map()
const compressed = (content) => {
  if (!scripts.has(content)) scripts.set(content, brotli(content))
  return scripts.get(content)
}

// A page that is isolated gets a clock of 5 µs instead of 100 µs: the fastest calls here take less than that together.
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

const readBody = async (request) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The page of an app that has this library: the tag, its init, one function with the same meaning for all, and perhaps a call. */
const pageOf = async (library, person, traits) => `<!doctype html><meta charset="utf-8"><title>${library.id}</title>
<link rel="icon" href="data:,">
${library.before ? `<script>${library.before}</script>` : ''}
<script src="${library.path}" ${(await library.attributes?.(person)) ?? ''}></script>
<script>${library.init(person)}
window.identify = ${library.identify}
${traits ? `identify(${JSON.stringify(person)}, ${traits})` : ''}</script>`

/**
 * A web site of one library on a port of its own: its page, its script, and its endpoint. `carried` are the requests
 * that had updates in them, `received` the updates that arrived where they should.
 */
export const createSite = async (library) => {
  const log = []
  const received = []
  let backend
  let isUnavailable = false
  const accept = (updates) => received.push(...updates)

  const respond = async (request, response) => {
    const url = new URL(request.url, 'http://site.test')
    const { pathname: path, searchParams } = url
    const send = (status, type, body, headers = {}) =>
      response.writeHead(status, { ...isolation, 'content-type': type, ...headers }).end(body)
    const cached = { 'content-encoding': 'br', vary: 'accept-encoding', 'cache-control': 'public, max-age=300' }
    if (path === '/blank') return send(200, 'text/html', '<!doctype html><link rel="icon" href="data:,">')
    if (path === '/')
      return send(200, 'text/html', await pageOf(library, searchParams.get('person'), searchParams.get('traits')))
    const script = library.files[path]
    if (script) {
      log.push({ method: request.method, path, sent: 0, updates: [] })
      return send(200, 'text/javascript', compressed(script), cached)
    }
    const body = await readBody(request)
    const incoming = { method: request.method, path, url, headers: request.headers, body }
    const updates = library.updates(incoming)
    log.push({ method: request.method, path, sent: body.length, updates })
    if (updates.length && isUnavailable && !library.backend) return send(503, 'text/plain', 'unavailable')
    const answer = await (backend?.answer(incoming) ?? library.answer(incoming))
    if (!answer) return send(404, 'text/plain', 'not found')
    // Ours counts as received only upstream, behind the proxy.
    if (updates.length && !library.backend) accept(updates)
    return send(answer.status ?? 200, answer.type ?? 'application/json', answer.body ?? '{}', answer.headers)
  }

  const server = createServer((request, response) => {
    respond(request, response).catch(() => response.destroy())
  })
  const listen = (port) => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  const startBackend = async () => {
    backend = await library.backend?.({ accept, isUnavailable: () => isUnavailable })
  }
  await startBackend()
  await listen(0)
  const { port } = server.address()

  return {
    library,
    log,
    received,
    origin: `http://127.0.0.1:${port}`,
    carried: () => log.filter(({ updates }) => updates.length),
    has: (id, name) => received.some((update) => update.id === id && update.name === name),
    /** The endpoint answers 503; page and scripts still come. */
    fail: (value) => {
      isUnavailable = value
    },
    /** Nobody listens any more, as when the machine is gone; its memory is gone too. */
    down: async () => {
      const gone = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await gone
      await backend?.close()
    },
    up: async () => {
      await startBackend()
      await listen(port)
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await backend?.close()
    },
  }
}
