import { readFileSync } from 'node:fs'
import { createRandom, type Random } from './random.ts'
import { type Request, randomRequest } from './requests.ts'
import { type Peer, statusesIn } from './socket.ts'
import type { Target } from './target.ts'

/** Requests that went over one connection, one behind the other, and all that came back. */
export interface Batch {
  /** Of its first request; with the seed it makes the same batch again. */
  number: number
  requests: Request[]
  isGood: boolean
  answer: string
  statuses: number[]
  /** Something failed behind the proxy while it was sent. */
  trouble: Trouble | undefined
}

/** `down`: the contacts API answers 503. `held`: another process holds the store's file. */
export type Trouble = 'down' | 'held'

export interface Barrage {
  batches: Batch[]
  /** Resident memory of the process from time to time, in MB; empty where no file tells it. */
  memoryMb: number[]
}

const connections = 32
const last = Buffer.from('GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')

const residentMb = (pid: number): number =>
  (Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4_096) / 2 ** 20

/** One in eight batches is good throughout: nothing that is wrong cuts off what stands before it. */
const createBatch = (random: Random, number: number): Pick<Batch, 'requests' | 'isGood'> => {
  const isGood = random.oneIn(8)
  const requests = Array.from({ length: 1 + random.int(isGood ? 8 : 3) }, (_, i) => {
    let request = randomRequest(random, `f${number + i}`)
    while (isGood && !request.isGood) request = randomRequest(random, `f${number + i}`)
    return request
  })
  return { requests, isGood: requests.every((request) => request.isGood) }
}

/** Writes a batch in pieces and reads until the connection is over. */
const send = async (peer: Peer, { requests, isGood }: Pick<Batch, 'requests' | 'isGood'>, pieceBytes: number) => {
  const bytes = Buffer.concat([...requests.map((request) => request.bytes), last])
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    peer.write(bytes.subarray(at, at + pieceBytes))
    await new Promise((resolve) => setImmediate(resolve))
  }
  // What is broken may be waited for, ten seconds long; what is good ends by itself.
  let quiet: NodeJS.Timeout | undefined
  const hear = (): void => {
    clearTimeout(quiet)
    quiet = setTimeout(peer.end, 1_000)
  }
  if (!isGood) {
    hear()
    peer.socket.on('data', hear)
  }
  return peer.closed.finally(() => clearTimeout(quiet))
}

/** How many requests are made in each of the troubles. */
const troubled = 160

/** Makes trouble for some requests after a third and after two thirds of all. */
const createTroubles = ({ upstream, hold }: Target, count: number) => {
  let release: (() => void) | undefined
  let tell = (): void => {}
  const refused = new Promise<void>((resolve) => {
    tell = resolve
  })
  const [downAt, heldAt] = [Math.floor(count / 3), Math.floor((2 * count) / 3)]
  return {
    /** To be called before each request, with its number: begins a trouble or ends it. */
    at: async (number: number): Promise<Trouble | undefined> => {
      upstream.isDown = number >= downAt && number < downAt + troubled
      if (number >= heldAt && number < heldAt + troubled) release ??= hold()
      else if (release) {
        // The proxy is patient for some seconds: held for less, nobody would have noticed.
        await refused
        release?.()
        release = undefined
      }
      return release ? 'held' : upstream.isDown ? 'down' : undefined
    },
    /** To be called with what was answered. */
    answered: (statuses: readonly number[]): void => {
      if (statuses.includes(503)) tell()
    },
  }
}

/** Sends `count` random requests and waits for the end of every connection. */
export const barrage = async (target: Target, { count, seed }: { count: number; seed: number }): Promise<Barrage> => {
  const batches: Batch[] = []
  const memoryMb: number[] = []
  const troubles = createTroubles(target, count)
  let made = 0
  const open = new Set<{ trouble?: Trouble | undefined }>()
  const run = async (): Promise<void> => {
    while (made < count) {
      const number = made
      const random = createRandom(seed + number)
      const batch = createBatch(random, number)
      made += batch.requests.length
      const trouble = await troubles.at(number)
      const mine = { trouble }
      // One that begins while others are on their way is theirs, too.
      for (const one of open.add(mine)) one.trouble ??= trouble
      const pieceBytes = random.pick([1_000_000, 1_000_000, 1_000_000, 1_460, 100 + random.int(1_000)])
      const answer = await send(target.peer(), batch, pieceBytes)
      open.delete(mine)
      const statuses = statusesIn(answer)
      troubles.answered(statuses)
      batches.push({ ...batch, number, answer, statuses, trouble: mine.trouble })
      if (process.platform === 'linux' && batches.length % 10 === 0) memoryMb.push(residentMb(target.proxy.pid))
    }
  }
  await Promise.all(Array.from({ length: connections }, run))
  return { batches, memoryMb }
}
