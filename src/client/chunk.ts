import { chunkVersion } from './chunk-version.ts'
import { importUrl } from './import-url.js'
import type { EngineModule } from './intake.ts'

// The hash keeps a cache from giving the chunk of another build.
const chunkName = `transport.js?v=${chunkVersion}`

const importFrom = async (folder: string | undefined): Promise<EngineModule> =>
  (await importUrl(new URL(chunkName, folder).href)) as EngineModule

/**
 * Loads the chunk from beside the script, else from beside the proxy: where another loader has fetched and run the script's
 * text, the script's own URL is unknown, or it is the loader's.
 */
export const loadChunk = (scriptUrl: string | undefined, proxyUrl: string): Promise<EngineModule> =>
  importFrom(scriptUrl).catch(() => importFrom(`${proxyUrl}/`))
