// Loaded into the proxy's process before everything else: does there what a test asks for over the IPC channel.
import { subscribe } from 'node:diagnostics_channel'

let ahead = { wallMs: Number(process.env.TEST_CLOCK_AHEAD_MS ?? 0), monotonicMs: 0 }
const RealDate = Date
globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length ? given : [RealDate.now() + ahead.wallMs]))
  }
  static now() {
    return RealDate.now() + ahead.wallMs
  }
}
const monotonic = performance.now.bind(performance)
performance.now = () => monotonic() + ahead.monotonicMs

const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

/** V8 ends the process when its heap is full, as the kernel does when the machine's memory is. */
const exhaust = () => {
  for (const kept = []; ; ) kept.push(Array.from({ length: 1_000 }, () => ({})))
}

/** Of the connection that has brought most so far. */
let mostBytesRead = 0
subscribe('net.server.socket', ({ socket }) => {
  socket.once('close', () => {
    mostBytesRead = Math.max(mostBytesRead, socket.bytesRead)
  })
})

process.on('message', ({ clock, blockMs, exhausts, stops }) => {
  if (clock) ahead = { ...ahead, ...clock }
  if (blockMs) block(blockMs)
  if (exhausts) exhaust()
  // Between two turns of the event loop no transaction is open: one would keep every other process from its file.
  if (stops) process.kill(process.pid, 'SIGSTOP')
  // With `--expose-gc`: what is left is in use.
  globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  process.send({ cpuMs: (user + system) / 1_000, mostBytesRead, ...process.memoryUsage() })
})
// The channel alone keeps no process alive.
process.channel?.unref()
