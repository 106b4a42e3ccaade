import { randomContact } from './contacts.ts'
import { byChunks, byLength, type Draft, editBytes, mutate, tokenFor } from './mutations.ts'
import type { Random } from './random.ts'
import { path } from './target.ts'

export interface Request {
  /** The person whose token it carries, and nobody else's request does. */
  who: string
  bytes: Buffer
  /** Nothing about it is wrong. */
  isGood: boolean
  /** Every body that a reader of these bytes could take it to have. */
  bodies: Buffer[]
}

const render = ({ line, headers, body, frame }: Draft, random: Random): Buffer => {
  const framed = frame(body, random)
  // What tells the length stands anywhere among the others.
  const all = [...headers]
  for (const header of framed.headers) all.splice(random.int(all.length + 1), 0, header)
  const head = `${line.join(' ')}\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), framed.bytes])
}

/** What stands in chunks of whatever spelling; as far as they can be read. */
const withoutChunks = (bytes: Buffer): Buffer => {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\n', at)
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16)
    if (end < 0 || !(size > 0)) break
    parts.push(bytes.subarray(end + 1, end + 1 + size))
    at = bytes.indexOf('\n', end + 1 + size) + 1
    if (at === 0) break
  }
  return Buffer.concat(parts)
}

/** Empty lines may stand before a request, so its head need not end at the first one. */
const bodiesOf = (bytes: Buffer): Buffer[] => {
  const bodies: Buffer[] = []
  for (let end = bytes.indexOf('\r\n\r\n'); end >= 0; end = bytes.indexOf('\r\n\r\n', end + 1)) {
    const rest = bytes.subarray(end + 4)
    const lengths = [...bytes.toString('latin1', 0, end).matchAll(/content-length:\s*(\d+)/gi)]
    bodies.push(rest, withoutChunks(rest), ...lengths.map(([, length]) => rest.subarray(0, Number(length))))
  }
  return bodies
}

/** A request of a person of its own: one in four is good, of the others parts or bytes are wrong. */
export const randomRequest = (random: Random, who: string): Request => {
  const draft: Draft = {
    who,
    line: ['POST', path, 'HTTP/1.1'],
    headers: [
      ['Host', 'proxy.example'],
      ['Authorization', `Bearer ${tokenFor(who)}`],
      ['Content-Type', 'application/json'],
    ],
    body: Buffer.from(JSON.stringify(randomContact(random, who), null, random.pick([undefined, ' ', '\t']))),
    frame: random.oneIn(3) ? byChunks : byLength,
  }
  const kind = random.int(4)
  if (kind > 1) mutate(draft, random)
  let bytes = render(draft, random)
  if (kind === 1 || (kind === 2 && random.oneIn(4))) bytes = editBytes(random, bytes)
  return { who, bytes, isGood: kind === 0, bodies: bodiesOf(bytes) }
}
