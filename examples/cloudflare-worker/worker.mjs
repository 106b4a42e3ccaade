// The proxy as a Cloudflare Worker on the route app.example/orq/*.
import { createProxy, jwt, mintToken } from 'orq-identify/server'

// One for the isolate: limits and the order of a contact's updates are kept in it.
let proxy

export default {
  async fetch(request, env, ctx) {
    const secret = env.ORQ_TOKEN_SECRET
    proxy ??= createProxy({
      verify: jwt({ secret }),
      upstream: { apiKey: env.ORQ_API_KEY, serverUrl: env.ORQ_SERVER_URL },
    })
    // For whoever is signed in by your session; here it is always Jane.
    if (request.method === 'POST' && new URL(request.url).pathname === '/token')
      return Response.json(
        { token: await mintToken({ subject: 'user_1' }, { secret }) },
        { headers: { 'cache-control': 'no-store' } },
      )
    return proxy.fetch(request, {
      address: request.headers.get('cf-connecting-ip') ?? undefined,
      // A page may leave before its answer, and one call may carry the updates of several requests.
      waitUntil: (work) => ctx.waitUntil(work),
    })
  },
}
