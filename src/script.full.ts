import * as engine from './client/engine/engine.ts'
import { publish } from './client/publish.ts'
import { install } from './client/script.ts'

// The same as `script.ts` in one file: `import()` takes no `integrity`.
publish(install(async () => engine))
