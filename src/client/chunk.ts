import { chunkVersion } from './chunk-version.ts'
import { contractVersion } from './contract.ts'
import type { EngineModule } from './engine-context.ts'
import { importUrl } from './import-url.js'

const importFrom = async (name: string, folder: string | undefined): Promise<EngineModule> => {
  const chunk = (await importUrl(new URL(name, folder).href)) as EngineModule
  if (chunk.contractVersion !== contractVersion) throw new Error(`${name} is of another build`)
  return chunk
}

/**
 * Loads the chunk from beside the script, under its hash, which keeps a cache from giving the chunk of another build. Else the
 * one beside the proxy, which no cache keeps unasked: where another loader has fetched and run the script's text, the script's own
 * URL is unknown or the loader's, and a cache that ignores the hash may have kept anything under it.
 */
export const loadChunk = (scriptUrl: string | undefined, proxyUrl: string): Promise<EngineModule> =>
  importFrom(`transport.js?v=${chunkVersion}`, scriptUrl).catch(() => importFrom('transport.js', `${proxyUrl}/`))
