import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A load balancer of TCP connections: each goes to any of the targets, and is reset when its target is taken away. */
export interface Balancer {
  url: string
  add(url: string): void
  remove(url: string): void
  /** No new connection goes to it; those that there are go on. */
  drain(url: string): void
}

export const startBalancer = async (): Promise<Balancer> => {
  const targets = new Map<string, Set<Socket>>()
  const drained = new Set<string>()
  const server = createServer((incoming) => {
    incoming.on('error', () => {})
    const urls = [...targets.keys()].filter((url) => !drained.has(url))
    const url = urls[Math.floor(Math.random() * urls.length)]
    if (url === undefined) {
      incoming.resetAndDestroy()
      return
    }
    const sockets = targets.get(url) as Set<Socket>
    const { hostname, port } = new URL(url)
    const outgoing = connect(Number(port), hostname)
    sockets.add(incoming)
    const end = (): void => {
      sockets.delete(incoming)
      incoming.destroy()
      outgoing.destroy()
    }
    outgoing.on('error', end).on('close', end)
    incoming.on('close', end)
    incoming.pipe(outgoing).pipe(incoming)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const sockets of targets.values()) for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    add: (url) => void targets.set(url, new Set()),
    drain: (url) => void drained.add(url),
    remove: (url) => {
      const sockets = targets.get(url)
      targets.delete(url)
      for (const socket of sockets ?? []) socket.resetAndDestroy()
    },
  }
}
