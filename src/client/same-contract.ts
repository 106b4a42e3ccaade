import { contractVersion } from './contract.ts'
import type { EngineModule } from './engine-context.ts'

/** @throws Error for a chunk of another build, which counts as one that cannot be loaded */
export const sameContract = (chunk: EngineModule): EngineModule => {
  if (chunk.contractVersion !== contractVersion) throw new Error('transport.js is of another build')
  return chunk
}
