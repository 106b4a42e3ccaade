import type { LoadEngine } from './engine-context.ts'
import type { ClientOptions } from './options.ts'
import { createClient } from './orq.ts'
import type { Orq } from './orq-types.ts'
import { sameContract } from './same-contract.ts'

const load: LoadEngine = async () => sameContract(await import('./engine/engine.ts'))

/**
 * A client of its own: one per request on a server, one per proxy on a page with several.
 * @param options as of `init`, which it calls with them; without, nothing happens before `init`
 * @throws RangeError naming the option
 */
export const createOrq = (options?: ClientOptions): Orq => {
  const client = createClient({ load })
  if (options) client.init(options)
  return client
}

/** The one client of a page. Nothing happens before `orq.init`. */
export const orq: Orq = createOrq()
