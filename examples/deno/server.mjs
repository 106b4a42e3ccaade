// The proxy in Deno's own server. `node examples/start.mjs deno` starts it with all that it needs; at / its page says what
// became of Jane's contact.
import { createBrowserFiles } from 'orq-identify/node'
import { createProxy, jwt, mintToken } from 'orq-identify/server'

const setting = (name) => Deno.env.get(name)
const secret = setting('ORQ_TOKEN_SECRET')
const proxy = createProxy({
  verify: jwt({ secret }),
  upstream: { apiKey: setting('ORQ_API_KEY'), serverUrl: setting('ORQ_SERVER_URL') },
})
const files = createBrowserFiles()
const page = await Deno.readTextFile(new URL('../script-tag/index.html', import.meta.url))

Deno.serve(
  {
    hostname: '127.0.0.1',
    port: Number(setting('PORT') ?? '8080'),
    onListen: ({ port }) => console.log(`Open http://127.0.0.1:${port}`),
  },
  async (request, { remoteAddr }) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/') return new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8' } })
    // For whoever is signed in by your session; here it is always Jane.
    if (request.method === 'POST' && pathname === '/token')
      return Response.json(
        { token: await mintToken({ subject: 'user_1' }, { secret }) },
        { headers: { 'cache-control': 'no-store' } },
      )
    return (await files(request)) ?? proxy.fetch(request, { address: remoteAddr.hostname })
  },
)
