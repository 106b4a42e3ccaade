import { createOrq } from './orq/orq.esm.js'

addEventListener('message', ({ data, source }) => {
  const orq = createOrq({ proxyUrl: new URL('orq', location).href, tokenUrl: new URL('token', location).href })
  orq.identify(data).then((outcome) => source.postMessage(outcome))
})
