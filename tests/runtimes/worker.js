// For workerd: its `test` command runs this and ends.
import { createOrq } from 'orq.esm.js'

export default {
  async test(_controller, { base, id }) {
    const orq = createOrq({ proxyUrl: `${base}/orq`, tokenUrl: `${base}/token` })
    const call = orq.identify({ externalId: id, metadata: { from: 'program' } })
    await orq.flush()
    console.log(JSON.stringify(await call))
  },
}
