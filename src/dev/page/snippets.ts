import { nextConfig, nextTokenRoute, type Part, tokenRoute, viteConfig } from './snippet-servers.ts'

export interface Framework {
  name: string
  parts: Part[]
}

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
  window.orq = window.orq?.push ? window.orq : []
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
  // undefined while that is not known, null when signed out:
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
          code: `import { useIdentify } from 'orq-identify/vue'

const { user } = defineProps(['user'])
// undefined while that is not known, null when signed out:
useIdentify(() => user && {
  externalId: user.id,
  displayName: user.name,
  email: user.email,
})`,
        },
        ...onVite,
      ],
    },
    {
      name: 'Svelte',
      parts: [
        {
          file: 'App.svelte, in its script',
          code: `import { orq } from 'orq-identify'
import { onMount } from 'svelte'

const { user } = $props()
onMount(() => orq.init({ proxyUrl: '/orq', tokenUrl: '/token' }))
$effect(() => {
  if (user) orq.identify({
    externalId: user.id,
    displayName: user.name,
    email: user.email,
  })
})

// At sign-out: orq.reset()`,
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
import { orq } from 'orq-identify'
import { orqPlugin } from 'orq-identify/segment'

orq.init({ proxyUrl: '/orq', tokenUrl: '/token' })
const analytics = AnalyticsBrowser.load({ writeKey: 'YOUR_KEY' })
analytics.register(orqPlugin(orq))

// As ever; it reaches Orq, too:
analytics.identify('user_1', { name: 'Ada Lovelace', plan: 'pro' })`,
        },
        ...onVite,
      ],
    },
    {
      name: 'analytics',
      parts: [
        {
          file: 'main.js',
          code: `import { Analytics } from 'analytics'
import { orq } from 'orq-identify'
import { orqPlugin } from 'orq-identify/analytics'

orq.init({ proxyUrl: '/orq', tokenUrl: '/token' })
const analytics = Analytics({
  app: 'your-app',
  plugins: [orqPlugin(orq)],
})

// As ever; it reaches Orq, too:
analytics.identify('user_1', { name: 'Ada Lovelace', plan: 'pro' })`,
        },
        ...onVite,
      ],
    },
  ]
}
