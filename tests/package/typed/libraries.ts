// Compiled by several compilers against the packed package and the libraries, never run.
import { AnalyticsBrowser, type Plugin } from '@segment/analytics-next'
import { Analytics, type AnalyticsPlugin } from 'analytics'
import { orq } from 'orq-identify'
import { orqPlugin as forAnalytics } from 'orq-identify/analytics'
import { OrqProvider, useIdentify, useOrq } from 'orq-identify/react'
import { orqPlugin as forSegment } from 'orq-identify/segment'
import { useIdentify as followUser, orqPlugin as vuePlugin } from 'orq-identify/vue'
import { createElement, type ReactNode } from 'react'
import { createApp, ref } from 'vue'

interface SignedIn {
  externalId: string
  metadata: { plan: 'pro' | 'team' }
}

export const Profile = ({ user }: { user: SignedIn | null | undefined | false }): ReactNode => {
  useIdentify(user)
  useIdentify(user, { loading: false })
  useIdentify(user !== null && user, { loading: undefined })
  // @ts-expect-error no such option
  useIdentify(user, { isLoading: false })
  // @ts-expect-error an id is required
  useIdentify({ email: 'a@example.com' })
  useOrq().reset()
  return null
}
export const app = createElement(
  OrqProvider,
  { proxyUrl: '/orq', tokenUrl: '/token' },
  createElement(Profile, { user: null }),
)
// @ts-expect-error no such option
createElement(OrqProvider, { debounce: 5 })
createApp({}).use(vuePlugin, { proxyUrl: '/orq', tokenUrl: '/token' })
// @ts-expect-error no such option
createApp({}).use(vuePlugin, { debounce: 5 })
const user = ref<SignedIn | null>(null)
followUser(user)
followUser(() => user.value)
followUser(() => user.value !== null && user.value, { loading: ref(true) })
followUser(undefined, { loading: () => undefined })
// @ts-expect-error no such option
followUser(user, { isLoading: ref(true) })

const segment: Plugin = forSegment(orq)
void AnalyticsBrowser.load({ writeKey: 'key' }).register(segment, forSegment(orq))

const plugin: AnalyticsPlugin = forAnalytics(orq)
Analytics({ app: 'app', plugins: [plugin, forAnalytics(orq)] })
