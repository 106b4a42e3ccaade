import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FieldName } from '../../../src/core/contact.ts'
import type { Proxy as OrqProxy } from '../../../src/server.ts'
import { type Site, serveSite } from '../site.ts'
import { createScope, type Scope, type ScriptedAnswer } from './scope.ts'
import { apiKey, startUpstream, type Upstream } from './upstream.ts'

// The built files, as a user gets them.
const built = new URL('../../../dist/server.js', import.meta.url).href
const { createProxy, jwt, mintToken }: typeof import('../../../src/server.ts') = await import(built)
const secret = 'a secret of the tests, 32 bytes and more'
const dist = (file: string): Buffer => readFileSync(new URL(`../../../dist/${file}`, import.meta.url))
const here = (file: string): Buffer => readFileSync(new URL(`./${file}`, import.meta.url))
const example = readFileSync(new URL('../../../examples/script-tag/index.html', import.meta.url), 'utf8')

const read = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return String(Buffer.concat(chunks))
}

const parse = (text: string): Record<string, unknown> => {
  try {
    return JSON.parse(text)
  } catch {
    return { isNoJson: text }
  }
}

const subjectOf = (authorization = ''): string => {
  try {
    return JSON.parse(String(Buffer.from(authorization.split('.')[1] as string, 'base64url'))).sub
  } catch {
    return ''
  }
}

const send = (response: ServerResponse, body: unknown, { status = 200, headers = {} }: ScriptedAnswer = {}): void => {
  const isText = typeof body === 'string' || Buffer.isBuffer(body)
  const type = { 'content-type': isText ? 'text/html; charset=utf-8' : 'application/json' }
  response.writeHead(status, { 'cache-control': 'no-store', ...type, ...headers })
  response.end(isText || body === undefined ? body : JSON.stringify(body))
}

/** The real proxy, behind Node's request and response. */
const pass = async (proxy: OrqProxy, request: IncomingMessage, body: string): Promise<Response> =>
  proxy.fetch(
    new Request('http://proxy.test/orq/v2/contacts', {
      method: request.method ?? 'POST',
      headers: Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]),
      ...(request.method === 'POST' && { body }),
    }),
  )

const answerPost = async (
  scope: Scope,
  proxy: OrqProxy,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const text = await read(request)
  const passOn = async (): Promise<void> => {
    const answer = await pass(proxy, request, text)
    send(response, await answer.text(), { status: answer.status, headers: Object.fromEntries(answer.headers) })
  }
  if (request.method !== 'POST') return passOn()
  const { authorization, 'orq-update-id': updateId } = request.headers
  scope.posts.push({
    body: parse(text),
    updateId: String(updateId),
    subject: subjectOf(authorization),
    at: Date.now(),
  })
  scope.mostOpen = Math.max(scope.mostOpen, ++scope.open)
  response.once('close', () => {
    scope.open--
    scope.changed()
  })
  scope.changed()
  const scripted = scope.answers.shift() ?? {}
  if (scripted.isSilent) return
  if (scripted.isHeld) await scope.held()
  if (scripted.status) return send(response, scripted.body, scripted)
  if (!scripted.isLost) return passOn()
  await pass(proxy, request, text)
  response.destroy()
}

const answerToken = async (scope: Scope, response: ServerResponse): Promise<void> => {
  scope.tokenCalls++
  scope.changed()
  const { status, body, isForged, fields, isHeld } = scope.tokens.shift() ?? {}
  if (isHeld) await scope.held()
  if (status) return send(response, body, { status })
  if (scope.person === null) return send(response, undefined, { status: 204 })
  const grant = { subject: scope.person, ...(fields && { fields: fields as FieldName[] }) }
  send(response, { token: await mintToken(grant, { secret: isForged ? secret.toUpperCase() : secret }) })
}

/** What has arrived, once it is as much as asked for. */
const report = async (scope: Scope, upstream: Upstream, query: URLSearchParams): Promise<object> => {
  await scope.arrived({
    posts: Number(query.get('posts')),
    tokens: Number(query.get('tokens')),
    isIdle: query.has('idle'),
  })
  const ids = new Set(scope.posts.map(({ body }) => String(body.external_id)))
  const received = Object.fromEntries([...ids].map((id) => [id, upstream.received(id)]))
  const { posts, tokenCalls, files, mostOpen } = scope
  return { posts, tokenCalls, files, mostOpen, received }
}

const control = (scope: Scope, upstream: Upstream, text: string): void => {
  const { person, answers, tokens, document, chunk, statuses = {}, release } = JSON.parse(text)
  if (person !== undefined) scope.person = person
  if (answers) scope.answers = answers
  if (tokens) scope.tokens = tokens
  if (document) scope.document = document
  if (chunk) scope.chunk = chunk
  for (const [id, next] of Object.entries(statuses)) upstream.script(id, next as number[])
  if (release) scope.release()
}

export interface CasesServer extends Site {
  upstream: Upstream
  /** The corner of one case: `${url}/at/${name}/orq` is its proxy, `${url}/at/${name}/token` its token route. */
  scope(name: string): Scope
}

/** The pages of the cases, the built files, a token route and the real proxy before a recording upstream. */
export const startCasesServer = async (): Promise<CasesServer> => {
  const upstream = await startUpstream()
  const proxy = createProxy({ verify: jwt({ secret }), upstream: { apiKey, serverUrl: upstream.url } })
  const scopes = new Map<string, Scope>()
  const scopeOf = (name: string): Scope => {
    const scope = scopes.get(name) ?? createScope(name)
    scopes.set(name, scope)
    return scope
  }
  const script = { headers: { 'content-type': 'text/javascript' } }
  const site = await serveSite(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://cases.test')
    if (/^\/cases\.html$|^\/cases\/[\w-]+\.js$/.test(pathname))
      return send(response, here(pathname.slice(1)), pathname.endsWith('.js') ? script : {})
    if (pathname === '/stub.js') return send(response, /<script>\s*(.*?)\s*<\/script>/s.exec(example)?.[1], script)
    const [, name, rest] = /^\/at\/([^/]+)\/(.*)$/.exec(pathname) ?? []
    if (!name) return send(response, 'nothing here', { status: 404 })
    const scope = scopeOf(name)
    if (rest === 'orq/v2/contacts') return answerPost(scope, proxy, request, response)
    if (rest === 'token') return answerToken(scope, response)
    if (rest === 'document') return send(response, scope.document.html, { headers: scope.document.headers })
    if (rest === 'log') return send(response, await report(scope, upstream, searchParams))
    if (rest === 'control') {
      control(scope, upstream, await read(request))
      return send(response, {})
    }
    const worker = /^service-worker[-a-z]*\.js$/.exec(rest ?? '')
    if (worker) return send(response, here(`../../runtimes/${worker[0]}`), script)
    if (rest === 'door.js')
      return send(
        response,
        `import { createOrq, orq } from './orq/orq.esm.js'\nObject.assign(window, { orq, createOrq })`,
        script,
      )
    const [, file] = /^orq\/([\w.]+\.js)$/.exec(rest ?? '') ?? []
    if (!file) return send(response, 'nothing here', { status: 404 })
    scope.files.push(file)
    if (file === 'transport.js' && scope.chunk === 'silent') return
    if (file === 'transport.js' && scope.chunk === 'gone') return send(response, 'nothing here', { status: 404 })
    send(response, dist(file), script)
  })
  return {
    ...site,
    upstream,
    scope: scopeOf,
    close: async () => {
      await site.close()
      await upstream.close()
      await proxy.close()
    },
  }
}
