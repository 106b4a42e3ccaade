import type { LoadEngine } from './intake.ts'

/** Beside the script, with the chunk's own hash: a cached script never meets a chunk of another version. */
export const loadChunk = async (scriptUrl: string | undefined): ReturnType<LoadEngine> =>
  (await import(new URL('transport.js?v=__TRANSPORT_HASH__', scriptUrl).href)).createEngine
