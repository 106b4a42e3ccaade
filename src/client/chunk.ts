import { chunkVersion } from './chunk-version.ts'
import type { EngineModule } from './engine-context.ts'
import { importUrl } from './import-url.js'
import { sameContract } from './same-contract.ts'

const importFrom = async (name: string, folder: string | undefined): Promise<EngineModule> =>
  sameContract((await importUrl(new URL(name, folder).href)) as EngineModule)

/**
 * Loads the chunk from beside the script. Its URL has the chunk's hash, so no cache gives the chunk of another build. Where that
 * fails, loads the one beside the proxy, without a hash. Two things need this: another loader that runs the script's text, for
 * then the script does not know its own URL; and a cache that ignores the hash. Caches check a URL without a hash each time.
 */
export const loadChunk = (scriptUrl: string | undefined, proxyUrl: string): Promise<EngineModule> =>
  importFrom(`transport.js?v=${chunkVersion}`, scriptUrl).catch(() => importFrom('transport.js', `${proxyUrl}/`))
