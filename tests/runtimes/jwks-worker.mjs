// A Worker that takes an identity provider's tokens.
import { createProxy, jwks } from 'orq-identify/server'

let proxy

export default {
  fetch(request, env, ctx) {
    proxy ??= createProxy({
      verify: jwks({ url: env.JWKS_URL, issuer: 'https://idp.example', audience: 'app' }),
      upstream: { apiKey: 'key', serverUrl: env.ORQ_SERVER_URL },
    })
    return proxy.fetch(request, { waitUntil: (work) => ctx.waitUntil(work) })
  },
}
