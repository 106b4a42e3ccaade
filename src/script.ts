import { loadChunk } from './client/chunk.ts'
import { publish } from './client/publish.ts'
import { install } from './client/script.ts'

// A script tag has nobody else to call a function, so this door acts when it runs.
publish(install(loadChunk))
