import { createEngine } from './engine.ts'
import type { LoadEngine } from './intake.ts'

/** In place of `chunk.ts` where everything is one file: `import()` takes no `integrity`. */
export const loadChunk = async (): ReturnType<LoadEngine> => createEngine
