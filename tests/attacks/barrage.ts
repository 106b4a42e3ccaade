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
}

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

/** Sends `count` random requests and waits for the end of every connection. */
export const barrage = async (target: Target, { count, seed }: { count: number; seed: number }): Promise<Barrage> => {
  const batches: Batch[] = []
  const memoryMb: number[] = []
  let made = 0
  const run = async (): Promise<void> => {
    while (made < count) {
      const number = made
      const random = createRandom(seed + number)
      const batch = createBatch(random, number)
      made += batch.requests.length
      const pieceBytes = random.pick([1_000_000, 1_000_000, 1_000_000, 1_460, 100 + random.int(1_000)])
      const answer = await send(target.peer(), batch, pieceBytes)
      batches.push({ ...batch, number, answer, statuses: statusesIn(answer) })
      if (process.platform === 'linux' && batches.length % 10 === 0) memoryMb.push(residentMb(target.proxy.pid))
    }
  }
  await Promise.all(Array.from({ length: connections }, run))
  return { batches, memoryMb }
}
