import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A contacts API on a real socket that remembers, by contact and field, every number it was given, in order. */
export interface Recorder {
  url: string
  /** What it does with a request; it has been applied when the body is here, unless this says otherwise. */
  mode: 'ok' | 'down' | 'reset_after_applying' | 'close_idle'
  /** How late it answers, in milliseconds. */
  delayMs: number
  /** By `contact.field`. */
  readonly numbers: ReadonlyMap<string, readonly number[]>
  readonly calls: number
  /** How often a call came while another for the same contact was open. */
  readonly overlaps: number
  /** The most calls that were open at once, in all and for one contact. */
  readonly most: { all: number; perContact: number }
}

const numberOf = (value: unknown): number => Number([value].flat()[0])

/** @param whenOver the test's own, where tests run at the same time */
export const startRecorder = async (whenOver: (task: () => void) => void = onTestFinished): Promise<Recorder> => {
  const numbers = new Map<string, number[]>()
  const open = new Map<string, number>()
  const most = { all: 0, perContact: 0 }
  let calls = 0
  let overlaps = 0
  let all = 0
  const answer = (response: ServerResponse, status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { external_id, ...fields } = JSON.parse(text) as Record<string, unknown>
    const id = String(external_id)
    calls++
    open.set(id, (open.get(id) ?? 0) + 1)
    if ((open.get(id) ?? 0) > 1) overlaps++
    most.all = Math.max(most.all, ++all)
    most.perContact = Math.max(most.perContact, open.get(id) ?? 0)
    response.once('close', () => {
      open.set(id, (open.get(id) ?? 1) - 1)
      all--
    })
    if (recorder.mode === 'down') return answer(response, 503, {})
    for (const [field, value] of Object.entries(fields)) {
      const key = `${id}.${field}`
      numbers.set(key, [...(numbers.get(key) ?? []), numberOf(value)])
    }
    if (recorder.delayMs) await new Promise((resolve) => setTimeout(resolve, recorder.delayMs))
    if (recorder.mode === 'reset_after_applying') {
      request.socket.resetAndDestroy()
      return
    }
    answer(response, 200, { _id: 'contact_1', external_id })
    if (recorder.mode === 'close_idle') setTimeout(() => request.socket.destroy(), 5)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const recorder: Recorder = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mode: 'ok',
    delayMs: 0,
    numbers,
    get calls() {
      return calls
    },
    get overlaps() {
      return overlaps
    },
    most,
  }
  whenOver(() => {
    server.close()
    server.closeAllConnections()
  })
  return recorder
}
