importScripts('orq/orq.full.js')

orq.init({ proxyUrl: new URL('orq', location).href, tokenUrl: new URL('token', location).href })

addEventListener('message', ({ data, source }) => {
  orq.identify(data).then((outcome) => source.postMessage(outcome))
})
