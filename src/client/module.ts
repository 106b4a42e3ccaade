import type { LoadEngine } from './intake.ts'
import type { ClientOptions } from './options.ts'
import { createClient, type Orq } from './orq.ts'

const load: LoadEngine = async () => (await import('./engine.ts')).createEngine

const createModuleClient = (): Orq => createClient(load, () => '/orq')

/** The one client of a page. Nothing happens before `orq.init`. */
export const orq: Orq = createModuleClient()

/** A client of its own: one per request on a server, one per proxy on a page with several. */
export const createOrq = (options?: ClientOptions): Orq => {
  const client = createModuleClient()
  if (options) client.init(options)
  return client
}
