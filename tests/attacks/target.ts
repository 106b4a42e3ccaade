import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished } from 'vitest'
import { createMachine, type Running, secret } from '../faults/machine.ts'
import { listed, sign } from '../proxy/harness.ts'
import { openUpstream, type Upstream } from '../upstream/server.ts'
import { openPeer, type Peer } from './socket.ts'

export const path = '/orq/v2/contacts'
export const body = '{"external_id":"u1"}'

/** A token that is good now, but for what is given. */
export const tokenWith = (claims: object = {}, header: object = {}, key: string = secret): string => {
  const now = Math.floor(Date.now() / 1000)
  return sign({ iat: now, exp: now + 900, ...claims }, header, key)
}

/** The head of a good request with `lines` after its own; without a body's length. */
export const head = (lines: string[] = [], requestLine: string = `POST ${path} HTTP/1.1`): string =>
  `${[
    requestLine,
    'Host: proxy.example',
    `Authorization: Bearer ${tokenWith()}`,
    'Content-Type: application/json',
    ...lines,
  ].join('\r\n')}\r\n\r\n`

/** A good request, of which `lines` may make a bad one. The connection ends after its answer. */
export const good = (lines: string[] = [], requestLine?: string): string =>
  head([...lines, `Content-Length: ${body.length}`, 'Connection: close'], requestLine) + body

export interface Answer {
  status: number
  headers: Headers
  text: string
}

/** `orq-identify proxy` as it is built, with its file in a folder of its own, before a contacts API that records. */
export interface Target {
  upstream: Upstream
  proxy: Running
  port: number
  /** Rows of whatever kind in its file. */
  rows(): number
  peer(): Peer
  /** Writes bytes as they are and reads until the connection is over. */
  send(bytes: string | Uint8Array): Promise<string>
  /** Posts a text with a good token, but for the headers given; null leaves one out. */
  post(text?: string, headers?: Record<string, string | null>): Promise<Answer>
  /** Holds its file, as another process may. @returns what ends that */
  hold(): () => void
  /** Nothing has reached the file or the contacts API. */
  expectUntouched(): void
}

export const startTarget = async (
  { env = {} }: { env?: Record<string, string> } = {},
  whenOver: (task: () => void) => void = onTestFinished,
): Promise<Target> => {
  const upstream = await openUpstream([], whenOver)
  const machine = createMachine({ url: upstream.url, numbers: new Map() }, whenOver)
  const proxy = await machine.start({ env: { ORQ_ALLOWED_ORIGINS: listed, ORQ_ADDRESS_LIMIT: '0', ...env } })
  const port = Number(new URL(proxy.url).port)
  const peers = new Set<Peer>()
  whenOver(() => {
    for (const { socket } of peers) socket.destroy()
  })
  const peer = (): Peer => {
    const one = openPeer(port)
    peers.add(one)
    void one.closed.then(() => peers.delete(one))
    return one
  }
  const filePath = join(machine.folder, 'orq.db')
  const hold = (): (() => void) => {
    const file = new DatabaseSync(filePath, { timeout: 5_000 })
    file.exec('BEGIN IMMEDIATE')
    return () => file.close()
  }
  const rows = (): number => {
    const file = new DatabaseSync(filePath, { readOnly: true })
    try {
      return (file.prepare('SELECT count(*) AS rows FROM contacts').get() as { rows: number }).rows
    } finally {
      file.close()
    }
  }
  return {
    upstream,
    proxy,
    port,
    rows,
    hold,
    peer,
    send: (bytes) => {
      const one = peer()
      one.write(bytes)
      return one.closed
    },
    post: async (text = body, headers = {}) => {
      const all = { authorization: `Bearer ${tokenWith()}`, 'content-type': 'application/json', ...headers }
      const response = await fetch(`${proxy.url}${path}`, {
        method: 'POST',
        headers: Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== null),
        body: text,
      })
      return { status: response.status, headers: response.headers, text: await response.text() }
    },
    expectUntouched: () => {
      expect({ rows: rows(), received: upstream.log() }).toEqual({ rows: 0, received: [] })
    },
  }
}
