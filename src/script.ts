import { install, type ScriptOrq } from './client/script.ts'

/**
 * What a page finds at `window.orq`. The one door that acts when it runs: a script tag has nobody else to call a function.
 * With `data-token-url` or `data-token` at its tag it has called `init` too.
 */
const orq: ScriptOrq = install()
export default orq
