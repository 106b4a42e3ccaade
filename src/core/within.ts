import type { Clock } from './ports.ts'

/** The promise's value, or another one when it takes too long: what is awaited may ignore its signal, or never end. */
export const within = <T>(clock: Clock, ms: number, promise: Promise<T>, late: () => T): Promise<T> =>
  new Promise((resolve) => {
    const cancel = clock.after(ms, () => resolve(late()))
    promise.then((value) => {
      cancel()
      resolve(value)
    })
  })
