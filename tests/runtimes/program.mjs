// identify, flush, and then nothing: whoever runs this must come to an end by itself.
import { createOrq } from '../../dist/orq.esm.js'

const [base, id] = process.argv.slice(2)
const orq = createOrq({ proxyUrl: `${base}/orq`, tokenUrl: `${base}/token` })
const call = orq.identify({ externalId: id, metadata: { from: 'program' } })
await orq.flush()
console.log(JSON.stringify(await call))
