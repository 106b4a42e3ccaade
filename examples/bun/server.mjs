// The proxy in Bun's own server. `node examples/start.mjs bun` starts it with all that it needs; at / its page says what
// became of Jane's contact.
import { createBrowserFiles } from 'orq-identify/node'
import { createProxy, jwt, mintToken } from 'orq-identify/server'

const { ORQ_API_KEY: apiKey, ORQ_SERVER_URL: serverUrl, ORQ_TOKEN_SECRET: secret, PORT = '8080' } = process.env
const proxy = createProxy({ verify: jwt({ secret }), upstream: { apiKey, serverUrl } })
const files = createBrowserFiles()

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(PORT),
  routes: {
    '/': () => new Response(Bun.file(new URL('../script-tag/index.html', import.meta.url))),
    '/orq/*': async (request, self) =>
      (await files(request)) ?? proxy.fetch(request, { address: self.requestIP(request)?.address }),
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
