import { existsSync, rmSync } from 'node:fs'
import { createProxy, type ProxyOptions, type Proxy as RunningProxy } from '../proxy/proxy.ts'
import type { Entry } from '../store/entry.ts'
import { memory } from '../store/memory.ts'
import { sqlite } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'

/** Where the proxy keeps what it takes: nowhere, so that a failure is told to the page, or in a file, as in production. */
export type Keeping = 'memory' | 'disk'

export const isKeeping = (value: unknown): value is Keeping => value === 'memory' || value === 'disk'

export interface RelayOptions extends Omit<ProxyOptions, 'store'> {
  /** The file of the queue. It is there while updates are kept on the disk, and after a restart says that they are. */
  queueFile: string
}

/** A proxy whose store can be exchanged while it runs. */
export interface Relay {
  /** Waits while the store is being exchanged. */
  fetch: RunningProxy['fetch']
  readonly keeping: Keeping
  /**
   * Exchanges the store. Each begins empty: what another one knows to be upstream may have changed since.
   * @returns false when something waits on the disk, which would be lost; then nothing has changed
   * @throws when the file cannot be opened
   */
  keep(keeping: Keeping): Promise<boolean>
  /** The first `limit` contacts with something undelivered or refused. Always empty in memory, where nothing waits. */
  list(limit: number): Promise<Entry[]>
  /** Makes a contact due now. @returns false when nothing waits under this id */
  requeue(id: string): Promise<boolean>
  /** Forgets what waits of a contact. @returns false when nothing waits under this id */
  drop(id: string): Promise<boolean>
  close(): Promise<void>
}

/** Calls on the wire have this long to end when the store is exchanged, in milliseconds. */
const graceMs = 3_000

/** @throws when a file that is there cannot be used */
export const createRelay = ({ queueFile, ...options }: RelayOptions): Relay => {
  const open = (keeping: Keeping): { keeping: Keeping; store: Store; proxy: RunningProxy } => {
    const store = keeping === 'disk' ? sqlite({ path: queueFile }) : memory()
    return { keeping, store, proxy: createProxy({ ...options, store }) }
  }
  let current = open(existsSync(queueFile) ? 'disk' : 'memory')
  let exchange: Promise<unknown> = Promise.resolve()

  /** Looks into the file while no proxy uses it: it holds whatever was accepted to the end. */
  const isQueueEmpty = async (): Promise<boolean> => {
    const store = sqlite({ path: queueFile })
    try {
      const { pending, parked } = await store.stats()
      return pending + parked === 0
    } finally {
      await store.close()
    }
  }

  const change = async (keeping: Keeping): Promise<boolean> => {
    if (keeping === current.keeping) return true
    if (keeping === 'disk') {
      const former = current
      current = open('disk') // first, as it may throw
      await former.proxy.close(graceMs)
      return true
    }
    await current.proxy.close(graceMs)
    // What cannot be read may be anything.
    if (!(await isQueueEmpty().catch(() => false))) {
      current = open('disk')
      return false
    }
    for (const suffix of ['', '-wal', '-shm']) rmSync(queueFile + suffix, { force: true })
    current = open('memory')
    return true
  }

  /** The store as it is when no exchange runs. */
  const settled = async (): Promise<Store> => {
    await exchange
    return current.store
  }
  // A durable store alone has a queue: in memory an entry is a request that is still being answered.
  const queue = async (): Promise<Store | undefined> => {
    const store = await settled()
    return store.isDurable ? store : undefined
  }

  return {
    fetch: async (request, info) => {
      await exchange
      return current.proxy.fetch(request, info)
    },
    get keeping() {
      return current.keeping
    },
    keep: (keeping) => {
      const changed = exchange.then(() => change(keeping))
      exchange = changed.catch(() => {}) // told to whoever asked for it
      return changed
    },
    list: async (limit) => (await queue())?.list({ limit }) ?? [],
    requeue: async (id) => !!(await (await queue())?.requeue(id)),
    drop: async (id) => !!(await (await queue())?.drop(id)),
    close: async () => {
      await exchange
      await current.proxy.close()
    },
  }
}
