import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

/** What happens to bytes on their way; may be changed at any time, on open connections too. */
export interface Fault {
  /** How late an answer comes, in milliseconds: at least and at most. */
  latencyMs?: readonly [least: number, most: number]
  /** `before`: no request arrives. `after`: the request has arrived, its answer does not. */
  resets?: 'before' | 'after'
  /** Requests are taken and nothing more happens. */
  hangs?: boolean
  /** The connection ends in good order after so many bytes of the answer; negative: so many before its end. */
  answerBytes?: number
  /** Answers come byte by byte. */
  bytesPerSecond?: number
}

/** A TCP connection between proxy and recorder on which things go wrong. */
export interface Wire {
  url: string
  fault: Fault
  /** The most connections that were open at once. */
  readonly most: number
}

/** @param to the URL of the recorder; @param whenOver the test's own, where tests run at the same time */
export const startWire = async (to: string, whenOver: (task: () => void) => void = onTestFinished): Promise<Wire> => {
  const { hostname, port } = new URL(to)
  const sockets = new Set<Socket>()
  let open = 0
  let most = 0

  const pass = async (chunk: Buffer, client: Socket): Promise<void> => {
    const { latencyMs, answerBytes, bytesPerSecond } = wire.fault
    if (latencyMs) await sleep(latencyMs[0] + Math.random() * (latencyMs[1] - latencyMs[0]))
    if (answerBytes !== undefined) client.end(chunk.subarray(0, answerBytes))
    else if (!bytesPerSecond) client.write(chunk)
    else
      for (const byte of chunk) {
        if (client.destroyed) return
        client.write(Buffer.of(byte))
        await sleep(1_000 / bytesPerSecond)
      }
  }

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    most = Math.max(most, ++open)
    let passed = Promise.resolve()
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        sockets.delete(socket)
        if (socket === client) open--
        // What is still on its way arrives first.
        void passed.then(() => other.destroy())
      })
    }
    client.on('data', (chunk) => {
      if (wire.fault.resets === 'before') client.resetAndDestroy()
      else if (!wire.fault.hangs) upstream.write(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      if (wire.fault.resets === 'after') client.resetAndDestroy()
      else passed = passed.then(() => pass(chunk, client))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address() as { port: number }
  const wire: Wire = {
    url: `http://127.0.0.1:${address.port}`,
    fault: {},
    get most() {
      return most
    },
  }
  whenOver(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return wire
}
