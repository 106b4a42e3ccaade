import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

/** One call as it came. */
export interface Call {
  id: string
  fields: Readonly<Record<string, unknown>>
  /** How many calls of this contact have come before. */
  before: number
}

/** A contacts API on a real socket that remembers, by contact and field, every number it was given, in order. */
export interface Recorder {
  url: string
  /** What it does with a request; it has been applied when the body is here, unless this says otherwise. */
  mode: 'ok' | 'down' | 'reset_after_applying' | 'close_idle'
  /** What it answers in place of applying the call; undefined: it takes it. */
  script: (call: Call) => { status: number; headers?: Record<string, string> } | undefined
  /** How late it answers, in milliseconds. */
  delayMs: number
  /** By `contact.field`, in the order of their first arrival. */
  readonly numbers: ReadonlyMap<string, readonly number[]>
  readonly calls: number
  /** How often a call came while another for the same contact was open. */
  readonly overlaps: number
  callsOf(id: string): number
  /** The most calls that were open at once, in all and for one contact. */
  readonly most: { all: number; perContact: number }
  /** How many connections have come. */
  readonly connections: number
  /** From now on a connection is met with this certificate. Only where it began with one. */
  present(certificate: Certificate): void
}

/** Both in PEM. */
export interface Certificate {
  key: string
  cert: string
}

const numberOf = (value: unknown): number => Number([value].flat()[0])

/**
 * @param whenOver the test's own, where tests run at the same time
 * @param certificate it speaks TLS, under the name `localhost`
 */
export const startRecorder = async (
  whenOver: (task: () => void) => void = onTestFinished,
  certificate?: Certificate,
): Promise<Recorder> => {
  const numbers = new Map<string, number[]>()
  const open = new Map<string, number>()
  const callsOf = new Map<string, number>()
  const most = { all: 0, perContact: 0 }
  let calls = 0
  let overlaps = 0
  let all = 0
  let connections = 0
  const answer = (response: ServerResponse, status: number, body: object, headers = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
  const listener: RequestListener = async (request, response) => {
    let text = ''
    try {
      for await (const chunk of request) text += chunk
    } catch {
      return // the caller left in the middle of it
    }
    const { external_id, ...fields } = JSON.parse(text) as Record<string, unknown>
    // A PATCH names the contact in its path.
    const id = String(external_id ?? decodeURIComponent(request.url?.split('/').at(-1) ?? ''))
    const before = callsOf.get(id) ?? 0
    calls++
    callsOf.set(id, before + 1)
    open.set(id, (open.get(id) ?? 0) + 1)
    if ((open.get(id) ?? 0) > 1) overlaps++
    most.all = Math.max(most.all, ++all)
    most.perContact = Math.max(most.perContact, open.get(id) ?? 0)
    let isOver = false
    const end = (): void => {
      if (isOver) return
      isOver = true
      request.socket.off('end', end)
      const left = (open.get(id) ?? 1) - 1
      if (left) open.set(id, left)
      else open.delete(id)
      all--
    }
    response.once('close', end)
    // A caller that has gone is heard of a turn earlier than its answer is closed; its heir may have called by then.
    request.socket.once('end', end)
    if (recorder.mode === 'down') return answer(response, 503, {})
    const scripted = recorder.script({ id, fields, before })
    if (scripted) return answer(response, scripted.status, {}, scripted.headers)
    for (const [field, value] of Object.entries(fields)) {
      if (field === 'metadata') continue // ballast
      const key = `${id}.${field}`
      const known = numbers.get(key)
      if (known) known.push(numberOf(value))
      else numbers.set(key, [numberOf(value)])
    }
    if (recorder.delayMs) await sleep(recorder.delayMs)
    if (recorder.mode === 'reset_after_applying') {
      request.socket.resetAndDestroy()
      return
    }
    answer(response, 200, { _id: 'contact_1', external_id: id })
    if (recorder.mode === 'close_idle') setTimeout(() => request.socket.destroy(), 5)
  }
  const server = certificate ? createTlsServer(certificate, listener) : createServer(listener)
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const recorder: Recorder = {
    url: certificate ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    mode: 'ok',
    script: () => undefined,
    delayMs: 0,
    numbers,
    get calls() {
      return calls
    },
    get overlaps() {
      return overlaps
    },
    callsOf: (id) => callsOf.get(id) ?? 0,
    most,
    get connections() {
      return connections
    },
    present: (next) => (server as TlsServer).setSecureContext(next),
  }
  whenOver(() => {
    server.close()
    server.closeAllConnections()
  })
  return recorder
}
