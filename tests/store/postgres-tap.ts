import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A transaction that has ended, by what the client asked for in it: the names of prepared statements, or their text. */
export type Transaction = readonly string[]

/** Passes everything on between clients and a PostgreSQL, and reads along. */
export interface Tap {
  /** Of the same database through the tap. */
  url: string
  /** All that have ended so far, those that only read included: more than PostgreSQL's own counters tell at any moment. */
  readonly transactions: readonly Transaction[]
  stop(): void
}

/** Calls `onMessage` for each message of the protocol (https://www.postgresql.org/docs/current/protocol-message-formats.html). */
const readMessages = (onMessage: (type: string, body: Buffer) => void, { hasStart }: { hasStart: boolean }) => {
  let rest: Buffer = Buffer.alloc(0)
  // A client's first message has no type.
  let typeBytes = hasStart ? 0 : 1
  return (chunk: Buffer): void => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= typeBytes + 4) {
      const end = typeBytes + rest.readInt32BE(typeBytes)
      if (rest.length < end) return
      if (typeBytes) onMessage(String.fromCharCode(rest[0] as number), rest.subarray(5, end))
      typeBytes = 1
      rest = rest.subarray(end)
    }
  }
}

/** The first texts of a message, each of which ends with a zero. */
const textsOf = (body: Buffer): string[] => body.toString('latin1').split('\0', 2)

const watch = (client: Socket, server: Socket, onTransaction: (transaction: Transaction) => void): void => {
  // The server answers each Sync, and each simple query, by one ReadyForQuery, in their order; the first one is to the start.
  const asked: string[][] = [[]]
  let batch: string[] = []
  let transaction: string[] = []
  let unnamed = ''
  const end = (): void => {
    asked.push(batch)
    batch = []
  }
  const fromClient = readMessages(
    (type, body) => {
      const [first = '', second = ''] = textsOf(body)
      if (type === 'P' && first === '') unnamed = second
      if (type === 'B') batch.push(second || unnamed)
      if (type === 'Q') batch.push(first)
      if (type === 'S' || type === 'Q') end()
    },
    { hasStart: true },
  )
  let isStarted = false
  const fromServer = readMessages(
    (type, body) => {
      if (type !== 'Z') return
      transaction.push(...(asked.shift() ?? []))
      if (String.fromCharCode(body[0] as number) !== 'I') return
      if (isStarted) onTransaction(transaction)
      isStarted = true
      transaction = []
    },
    { hasStart: false },
  )
  client.on('data', fromClient)
  server.on('data', fromServer)
}

/** @param url of PostgreSQL, by host and port, without TLS */
export const startTap = async (url: string): Promise<Tap> => {
  const { hostname, port } = new URL(url)
  const transactions: Transaction[] = []
  const sockets = new Set<Socket>()
  const listener = createServer((client) => {
    const server = connect(Number(port), hostname)
    // First, so that what a client sees has been counted.
    watch(client, server, (transaction) => transactions.push(transaction))
    client.pipe(server).pipe(client)
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket
        .on('error', () => {})
        .on('close', () => {
          client.destroy()
          server.destroy()
          sockets.delete(socket)
        })
    }
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const own = new URL(url)
  own.port = `${(listener.address() as AddressInfo).port}`
  return {
    url: own.href,
    transactions,
    stop: () => {
      listener.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** A look for what has come due, which every proxy takes twice a second. */
export const isPoll = (transaction: Transaction): boolean => transaction.includes('orq_lapsed')

/** What the sweeper, the pruner and the readiness check do, whether there are updates or not. */
const upkeep = [/name = 'swept'/, /page AS MATERIALIZED/, /name = 'checked'/]

/** Those that updates caused. */
export const withoutBackground = (transactions: readonly Transaction[]): Transaction[] =>
  transactions.filter(
    (transaction) => !isPoll(transaction) && !transaction.some((text) => upkeep.some((form) => form.test(text))),
  )
