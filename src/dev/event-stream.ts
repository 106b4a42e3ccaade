/** Server-sent events to every open page (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export interface EventStream {
  /** A stream that begins with the given event; undefined when too many are open. */
  open(event: string, data: unknown): Response | undefined
  send(event: string, data: unknown): void
  /** Ends every stream, and those that open later at once. */
  close(): void
}

type Controller = ReadableStreamDefaultController<Uint8Array>

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

// JSON has no raw line break, so one `data:` line holds any value.
const format = (event: string, data: unknown): Uint8Array =>
  encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)

export interface EventStreamOptions {
  /** @defaultValue 100 */
  maxStreams?: number | undefined
  /** @defaultValue 15000 */
  heartbeatMs?: number | undefined
}

export const createEventStream = (options: EventStreamOptions = {}): EventStream => {
  const { maxStreams = 100, heartbeatMs = 15_000 } = options
  const streams = new Set<Controller>()
  let closed = false

  const end = (stream: Controller): void => {
    streams.delete(stream)
    try {
      stream.close()
    } catch {
      // The peer has ended it already.
    }
  }
  const push = (stream: Controller, chunk: Uint8Array): void => {
    // A peer that does not read would collect events without limit; a browser comes back and reads the list anew.
    if ((stream.desiredSize ?? 0) < -100) end(stream)
    else stream.enqueue(chunk)
  }
  // A comment shows a peer that has gone away without a word. Unref'd: it must not keep a process alive.
  const heartbeat = setInterval(() => {
    for (const stream of streams) push(stream, encode(':\n\n'))
  }, heartbeatMs)
  heartbeat.unref()

  return {
    open: (event, data) => {
      if (closed || streams.size >= maxStreams) return undefined
      let own: Controller
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          own = controller
          streams.add(controller)
          push(controller, encode('retry: 1000\n'))
          push(controller, format(event, data))
        },
        cancel: () => {
          streams.delete(own)
        },
      })
      return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } })
    },
    send: (event, data) => {
      const chunk = format(event, data)
      for (const stream of streams) push(stream, chunk)
    },
    close: () => {
      closed = true
      clearInterval(heartbeat)
      for (const stream of streams) end(stream)
    },
  }
}
