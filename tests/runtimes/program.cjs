const { createOrq } = require('../../dist/orq.esm.js')

const [base, id] = process.argv.slice(2)
const orq = createOrq({ proxyUrl: `${base}/orq`, tokenUrl: `${base}/token` })
const call = orq.identify({ externalId: id, metadata: { from: 'program' } })
orq.flush().then(async () => console.log(JSON.stringify(await call)))
