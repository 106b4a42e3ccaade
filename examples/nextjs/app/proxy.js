import { createProxy, jwt } from 'orq-identify/server'

let proxy

/** Made at the first request, not while the app is built: settings are those of the machine that runs it. */
export const getProxy = () => {
  proxy ??= createProxy({
    verify: jwt({ secret: process.env.ORQ_TOKEN_SECRET }),
    upstream: { apiKey: process.env.ORQ_API_KEY, serverUrl: process.env.ORQ_SERVER_URL },
  })
  return proxy
}
