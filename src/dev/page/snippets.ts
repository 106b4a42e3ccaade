/** A file of the reader's, or what to add to it. */
export interface Part {
  file: string
  code: string
}

export interface Framework {
  name: string
  parts: Part[]
}

const tokenRoute: Part = {
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

const nextTokenRoute: Part = {
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
const viteConfig = (origin: string): Part => ({
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

const nextConfig = (origin: string): Part => ({
  file: 'next.config.js, while you develop',
  code: `export default {
  rewrites: async () => [
    { source: '/orq/:path*', destination: '${origin}/orq/:path*' },
  ],
}`,
})

/** What each framework needs. @param origin where this server is, for an app under development */
export const frameworksAt = (origin: string): Framework[] => {
  const onVite = [viteConfig(origin), tokenRoute]
  return [
    {
      name: 'Script tag',
      parts: [
        {
          file: 'index.html',
          code: `<script async src="/orq/orq.js" data-token-url="/token"></script>
<script>
  window.orq = window.orq || []
  orq.push(function (orq) {
    orq.identify({
      externalId: 'user_1',
      displayName: 'Ada Lovelace',
      email: 'ada@example.com',
      metadata: { plan: 'pro' },
    })
  })
</script>`,
        },
        ...onVite,
      ],
    },
    {
      name: 'ES module',
      parts: [
        {
          file: 'main.js',
          code: `import { orq } from 'orq-identify'

orq.init({ proxyUrl: '/orq', tokenUrl: '/token' })

// After sign-in, and on each page load:
const { status, reason } = await orq.identify({
  externalId: 'user_1',
  displayName: 'Ada Lovelace',
  email: 'ada@example.com',
  metadata: { plan: 'pro' },
})

// At sign-out: orq.reset()`,
        },
        ...onVite,
      ],
    },
    {
      name: 'React',
      parts: [
        {
          file: 'App.jsx',
          code: `import { OrqProvider, useIdentify } from 'orq-identify/react'

const Identify = ({ user }) => {
  useIdentify(user && {
    externalId: user.id,
    displayName: user.name,
    email: user.email,
  })
  return null
}

export const App = ({ user }) => (
  <OrqProvider proxyUrl="/orq" tokenUrl="/token">
    <Identify user={user} />
  </OrqProvider>
)`,
        },
        ...onVite,
      ],
    },
    {
      name: 'Vue',
      parts: [
        {
          file: 'main.js',
          code: `import { createApp } from 'vue'
import { orqPlugin } from 'orq-identify/vue'
import App from './App.vue'

createApp(App)
  .use(orqPlugin, { proxyUrl: '/orq', tokenUrl: '/token' })
  .mount('#app')`,
        },
        {
          file: 'App.vue, in its script setup',
          code: `import { computed } from 'vue'
import { useIdentify } from 'orq-identify/vue'

const { user } = defineProps(['user'])
useIdentify(computed(() => user && {
  externalId: user.id,
  displayName: user.name,
  email: user.email,
}))`,
        },
        ...onVite,
      ],
    },
    {
      name: 'Next.js',
      parts: [
        {
          file: 'app/identify.tsx',
          code: `'use client'
import { OrqProvider, useIdentify } from 'orq-identify/react'

type User = { id: string; name: string; email: string }

const Identify = ({ user }: { user: User | null }) => {
  useIdentify(user && {
    externalId: user.id,
    displayName: user.name,
    email: user.email,
  })
  return null
}

/** In app/layout.tsx, with the user of the session. */
export const IdentifyUser = (props: { user: User | null }) => (
  <OrqProvider proxyUrl="/orq" tokenUrl="/token">
    <Identify {...props} />
  </OrqProvider>
)`,
        },
        nextTokenRoute,
        nextConfig(origin),
      ],
    },
    {
      name: 'Segment',
      parts: [
        {
          file: 'main.js',
          code: `import { AnalyticsBrowser } from '@segment/analytics-next'
import { orqPlugin } from 'orq-identify/segment'

const analytics = AnalyticsBrowser.load({ writeKey: 'YOUR_KEY' })
analytics.register(orqPlugin({ proxyUrl: '/orq', tokenUrl: '/token' }))

// As ever; it reaches Orq, too:
analytics.identify('user_1', { name: 'Ada Lovelace', plan: 'pro' })`,
        },
        ...onVite,
      ],
    },
  ]
}
