import { connect, type Socket } from 'node:net'

/** A peer that keeps to no protocol: it writes bytes and reads what comes back. */
export interface Peer {
  socket: Socket
  write(bytes: string | Uint8Array): void
  /** Says that nothing more comes, and still reads. */
  end(): void
  /** All that has come back so far, one character for each byte. */
  text(): string
  /** All that came back, once the connection is over, however it ended. */
  closed: Promise<string>
  /** Waits until what came back matches, or the connection is over. */
  until(pattern: RegExp): Promise<string>
}

export const openPeer = (port: number): Peer => {
  let text = ''
  const heard = new Set<() => void>()
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    for (const hear of heard) hear()
  })
  // A peer that is cut off while it writes: that it is cut off is what matters.
  socket.on('error', () => {})
  socket.on('end', () => socket.end())
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text)))
  return {
    socket,
    write: (bytes) => void (socket.writable && socket.write(bytes)),
    end: () => void socket.end(),
    text: () => text,
    closed,
    until: (pattern) => {
      let hear = (): void => {}
      const matched = new Promise<string>((resolve) => {
        hear = () => void (pattern.test(text) && resolve(text))
        heard.add(hear)
        hear()
      })
      return Promise.race([matched, closed]).finally(() => heard.delete(hear))
    },
  }
}

/** The statuses of the answers in a text; interim ones too. */
export const statusesIn = (text: string): number[] =>
  [...text.matchAll(/(?:^|\n|\})HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

/**
 * Sends requests one behind the other without waiting for answers, over several connections, and a last one to `/livez`
 * that ends each.
 * @returns the statuses of the answers; of each connection in the order of its requests
 */
export const pipeline = async (port: number, requests: readonly string[], perConnection = 250): Promise<number[]> => {
  const last = 'GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  const parts = Array.from({ length: Math.ceil(requests.length / perConnection) }, (_, i) =>
    requests.slice(i * perConnection, (i + 1) * perConnection),
  )
  const answers = await Promise.all(
    parts.map((part) => {
      const peer = openPeer(port)
      peer.write(part.join('') + last)
      return peer.closed
    }),
  )
  return answers.flatMap((answer) => statusesIn(answer).slice(0, -1))
}
