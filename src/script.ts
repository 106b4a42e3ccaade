import { install, type ScriptOrq } from './client/script.ts'

// The one door that acts when it runs: a script tag has nobody else to call a function.
const orq: ScriptOrq = install()
export default orq
