import pino, { type DestinationStream } from 'pino'

export interface LogOutput extends DestinationStream {
  /** Writes what waits, and drops what finds no reader in `endMs`. */
  end(): Promise<void>
  /** The same at once, for a process that ends here. */
  endNow(): void
}

const maxUnreadBytes = 2 ** 20
const endMs = 500

/** Standard output that nothing waits for: what finds no reader is dropped beyond 1 MB, and ends no process. */
export const createLogOutput = (): LogOutput => {
  let endsAt = Number.POSITIVE_INFINITY
  let isIdle = true
  const output = pino.destination({
    dest: 1,
    sync: false,
    maxLength: maxUnreadBytes,
    // A full pipe is tried again and again, after the end too.
    retryEAGAIN: () => performance.now() < endsAt,
  })
  output.on('drain', () => {
    isIdle = true
  })
  // A disk that is full or a reader that has gone is no reason to stop delivering.
  output.on('error', () => {})
  return {
    write: (line) => {
      isIdle = false
      output.write(line)
    },
    end: () =>
      new Promise((resolve) => {
        if (isIdle) return resolve()
        const timer = setTimeout(() => {
          endsAt = 0
          output.destroy()
          resolve()
        }, endMs)
        output.once('drain', () => {
          clearTimeout(timer)
          resolve()
        })
      }),
    endNow: () => {
      endsAt = performance.now() + endMs
      try {
        output.flushSync()
      } catch {}
      output.destroy()
    },
  }
}
