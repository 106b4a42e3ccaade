/**
 * Who asks, when `hops` proxies of ours stand in front: each appends the peer it saw to `X-Forwarded-For`, so the last
 * `hops` entries are true and everything before them is whatever the peer wrote.
 * @param address the socket's
 * @returns undefined when neither tells
 */
export const addressOf = (headers: Headers, address: string | undefined, hops: number): string | undefined => {
  const header = hops > 0 ? headers.get('x-forwarded-for') : null
  if (header === null) return address
  // From the end, and no more than asked for: a header of 10 000 entries costs no more than one.
  let end = header.length
  for (let hop = 1; ; hop++) {
    const comma = header.lastIndexOf(',', end - 1)
    if (hop === hops || comma < 0) {
      const entry = header.slice(comma + 1, end).trim()
      // Some proxies append the port.
      return /^\[(.+)\](:\d+)?$/.exec(entry)?.[1] ?? (/^([\d.]+):\d+$/.exec(entry)?.[1] || entry || address)
    }
    end = comma
  }
}
