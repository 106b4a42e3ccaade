// The proxy in Bun's own server.
import { createProxy, jwt, mintToken } from 'orq-identify/server'

const { ORQ_API_KEY: apiKey, ORQ_SERVER_URL: serverUrl, ORQ_TOKEN_SECRET: secret, PORT = '8080' } = process.env
const proxy = createProxy({ verify: jwt({ secret }), upstream: { apiKey, serverUrl } })

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(PORT),
  routes: {
    '/orq/v2/contacts': (request, self) => proxy.fetch(request, { address: self.requestIP(request)?.address }),
    // For whoever is signed in by your session; here it is always Jane.
    '/token': {
      POST: async () =>
        Response.json(
          { token: await mintToken({ subject: 'user_1' }, { secret }) },
          { headers: { 'cache-control': 'no-store' } },
        ),
    },
  },
})
console.log(`Open http://127.0.0.1:${server.port}`)
