import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadFile, respondWithFile, type ServedFile } from './served-file.ts'

/** Which files are served, and where. */
export interface BrowserFilesOptions {
  /**
   * The folder of the built files.
   * @defaultValue the `dist` of this package, found by its name: name it yourself when your server is bundled and runs
   * without `node_modules`
   */
  folder?: string | undefined
  /** Where the files appear, without a slash at the end. @defaultValue '/orq' */
  basePath?: string | undefined
}

const chunk = 'transport.js'
const scripts = [chunk, 'orq.js', 'orq.esm.js', 'orq.full.js']
// A fixed list instead of a look into the folder: no name that a request brings ever becomes a path.
const names: ReadonlySet<string> = new Set([...scripts, ...scripts.map((name) => `${name}.map`), 'sri.json'])

/** Answers a request for one of the browser files; undefined for every other path and for a file that is not built. */
export type BrowserFiles = (request: Request) => Promise<Response | undefined>

/** The files are public, the same for everybody and loaded by pages of any origin. */
const policy = {
  'Access-Control-Allow-Origin': '*',
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'X-Content-Type-Options': 'nosniff',
}

/**
 * How long a file may be kept. `?v=` is the hash of a content, and only that content is kept for ever under it: a cache would
 * give anything else to pages of another build. The chunk without `?v=` is checked at each load: a kept one may be older than
 * the core that asks for it.
 * @returns undefined for a chunk of another build, which is not here
 */
const cachingOf = (name: string, wanted: string | null, { version }: ServedFile): string | undefined => {
  if (wanted === version) return 'public, max-age=31536000, immutable'
  if (wanted !== null) return name === chunk ? undefined : 'no-cache'
  return name === chunk ? 'no-cache' : 'public, max-age=300'
}

// By the name of a file that is only there when it is built: Bun resolves the package's own by the `paths` of a tsconfig.json
// in a folder above, which may lead to sources.
const ownFolder = (): string => fileURLToPath(new URL('.', import.meta.resolve('orq-identify/sri.json')))

/**
 * The browser files for a server of your own: `(await files(request)) ?? proxy.fetch(request)` at `/orq/*`. With ETag,
 * brotli and gzip; each file is read and compressed at its first request and then kept in memory.
 * @throws Error when no folder is given and this package is not found
 */
export const createBrowserFiles = ({
  folder = ownFolder(),
  basePath = '/orq',
}: BrowserFilesOptions = {}): BrowserFiles => {
  const loaded = new Map<string, { stamp: string; file: Promise<ServedFile> }>()
  /** Again when it has changed: a file may be read while a deploy writes it. What cannot be read is tried again each time. */
  const load = async (name: string): Promise<ServedFile | undefined> => {
    const path = join(folder, name)
    try {
      const { size, mtimeMs } = await stat(path)
      const stamp = `${size} ${mtimeMs}`
      if (loaded.get(name)?.stamp !== stamp) loaded.set(name, { stamp, file: loadFile(path) })
      return await loaded.get(name)?.file
    } catch {
      loaded.delete(name)
      return undefined
    }
  }

  return async (request) => {
    // Most requests are updates, and each file has this in its name.
    if (!request.url.includes('.js')) return undefined
    const { pathname, searchParams } = new URL(request.url)
    const name = pathname.slice(basePath.length + 1)
    if (!pathname.startsWith(`${basePath}/`) || !names.has(name)) return undefined
    const file = await load(name)
    if (!file) return undefined
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return Response.json(
        { code: 'method_not_allowed' },
        { status: 405, headers: { Allow: 'GET, HEAD', 'Cache-Control': 'no-store', ...policy } },
      )
    const caching = cachingOf(name, searchParams.get('v'), file)
    if (!caching)
      return Response.json({ code: 'not_found' }, { status: 404, headers: { 'Cache-Control': 'no-store', ...policy } })
    return respondWithFile(file, request, { ...policy, 'Cache-Control': caching })
  }
}
