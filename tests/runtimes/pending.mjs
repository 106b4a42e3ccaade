// The proxy is down: flush still resolves, and no retry keeps the process alive.
import { createOrq } from '../../dist/orq.esm.js'

const [base, id] = process.argv.slice(2)
const orq = createOrq({ proxyUrl: 'http://127.0.0.1:9/orq', tokenUrl: `${base}/token` })
const call = orq.identify(id)
await orq.flush()
console.log(JSON.stringify(await call))
