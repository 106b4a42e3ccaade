import type { ClientOptions } from './options.ts'
import { createClient, type Door, type Orq } from './orq.ts'

const door: Door = {
  load: async () => (await import('./engine.ts')).createEngine,
  proxyUrl: () => '/orq',
}

/** The one client of a page. Nothing happens before `orq.init`. */
export const orq: Orq = createClient(door)

/** A client of its own: one per request on a server, one per proxy on a page with several. */
export const createOrq = (options?: ClientOptions): Orq => {
  const client = createClient(door)
  if (options) client.init(options)
  return client
}
