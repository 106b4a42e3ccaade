import type { Door } from './orq.ts'
import { transport } from './transport.ts'

/** In place of `chunk.ts` where everything is one file: `import()` takes no `integrity`. */
export const loadChunk = async (): ReturnType<Door['load']> => transport
