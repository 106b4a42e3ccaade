import { chunkVersion } from './chunk-version.ts'
import { importUrl } from './import-url.js'
import type { EngineModule } from './intake.ts'

/** Loads the chunk from a folder. The hash in its URL keeps a cache from giving the chunk of another build. */
const importFrom = async (folder: string): Promise<EngineModule> =>
  (await importUrl(new URL(`transport.js?v=${chunkVersion}`, folder).href)) as EngineModule

/**
 * Loads the chunk from beside the script, else from beside the proxy: where the script's text was fetched and run by
 * another loader, the script's own URL is unknown, or is the loader's.
 */
export const loadChunk = (scriptUrl: string | undefined, proxyUrl: string): Promise<EngineModule> => {
  const proxyFolder = `${proxyUrl}/`
  if (!scriptUrl) return importFrom(proxyFolder)
  const ownFolder = new URL('.', scriptUrl).href
  const own = importFrom(ownFolder)
  return ownFolder === proxyFolder ? own : own.catch(() => importFrom(proxyFolder))
}
