import { join } from 'node:path'
import { loadFile, respondWithFile, type ServedFile } from '../node/served-file.ts'

/** The page's own files by address. */
const files: ReadonlyMap<string, string> = new Map([
  ['/', 'index.html'],
  ['/theme.css', 'theme.css'],
  ['/page.css', 'page.css'],
  ['/lists.css', 'lists.css'],
  ['/cards.css', 'cards.css'],
  ['/page.js', 'page.js'],
])

/** Answers a GET or HEAD for the page; undefined for every other address and for a file that is not built. */
export const createPageFiles = (folder: string): ((request: Request) => Promise<Response | undefined>) => {
  const loaded = new Map<string, Promise<ServedFile>>()
  return async (request) => {
    const name = files.get(new URL(request.url).pathname)
    if (name === undefined) return undefined
    const file = loaded.get(name) ?? loadFile(join(folder, name))
    loaded.set(name, file)
    try {
      // They belong together: a browser asks each time and gets a 304 while nothing has changed.
      return respondWithFile(await file, request, { 'Cache-Control': 'no-cache' })
    } catch {
      loaded.delete(name) // it may be built a moment later
      return undefined
    }
  }
}
