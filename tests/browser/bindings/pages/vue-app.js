import { orqPlugin, useIdentify, useOrq } from 'orq-identify/vue'
import { createSSRApp, h } from 'vue'

const Profile = {
  props: ['session'],
  setup: ({ session }) => {
    globalThis.client = useOrq()
    useIdentify(() => session.user, { loading: () => session.loading })
    return () => h('p', session.user ? session.user.displayName : 'nobody')
  },
}

/** @param session reactive, with the `user` in it, and `loading` where the app tells it */
export const createProfileApp = (session) =>
  createSSRApp(Profile, { session }).use(orqPlugin, { proxyUrl: '/orq', tokenUrl: '/token', debounceMs: 20 })

/** An app that has forgotten the plugin. */
export const createLonelyApp = () => createSSRApp(Profile, { session: { user: null } })
