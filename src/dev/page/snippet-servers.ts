/** A file of the reader's, or what to add to it. */
export interface Part {
  file: string
  code: string
}

export const tokenRoute: Part = {
  file: 'your server, beside your sessions',
  code: `import { mintToken } from 'orq-identify/server'

app.post('/token', async (request, response) => {
  const { userId } = request.session
  if (!userId) return response.status(204).end()
  const secret = process.env.ORQ_TOKEN_SECRET
  const token = await mintToken({ subject: userId }, { secret })
  response.set('Cache-Control', 'no-store').json({ token })
})`,
}

export const nextTokenRoute: Part = {
  file: 'app/token/route.ts',
  code: `import { mintToken } from 'orq-identify/server'
import { auth } from '@/auth'

export const POST = async () => {
  const session = await auth()
  if (!session?.user?.id) return new Response(null, { status: 204 })
  const secret = process.env.ORQ_TOKEN_SECRET!
  const token = await mintToken({ subject: session.user.id }, { secret })
  return Response.json({ token }, { headers: { 'Cache-Control': 'no-store' } })
}`,
}

/** How an app under development reaches this server. Cookies know no ports: who signs in here has a token there. */
export const viteConfig = (origin: string): Part => ({
  file: 'vite.config.js, while you develop',
  code: `export default {
  server: {
    proxy: {
      '/orq': '${origin}',
      '/token': '${origin}', // until your own server mints
    },
  },
}`,
})

export const nextConfig = (origin: string): Part => ({
  file: 'next.config.js, while you develop',
  code: `export default {
  rewrites: async () => [
    { source: '/orq/:path*', destination: '${origin}/orq/:path*' },
  ],
}`,
})
