// The proxy in Deno's own server.
import { createProxy, jwt, mintToken } from 'orq-identify/server'

const setting = (name) => Deno.env.get(name)
const secret = setting('ORQ_TOKEN_SECRET')
const proxy = createProxy({
  verify: jwt({ secret }),
  upstream: { apiKey: setting('ORQ_API_KEY'), serverUrl: setting('ORQ_SERVER_URL') },
})

Deno.serve(
  {
    hostname: '127.0.0.1',
    port: Number(setting('PORT') ?? '8080'),
    onListen: ({ port }) => console.log(`Open http://127.0.0.1:${port}`),
  },
  async (request, { remoteAddr }) => {
    // For whoever is signed in by your session; here it is always Jane.
    if (request.method === 'POST' && new URL(request.url).pathname === '/token')
      return Response.json(
        { token: await mintToken({ subject: 'user_1' }, { secret }) },
        { headers: { 'cache-control': 'no-store' } },
      )
    return proxy.fetch(request, { address: remoteAddr.hostname })
  },
)
