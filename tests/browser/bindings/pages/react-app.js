import { OrqProvider, useIdentify, useOrq } from 'orq-identify/react'
import { createElement as h } from 'react'

const Profile = ({ user, options }) => {
  globalThis.client = useOrq()
  useIdentify(user, options)
  return h('p', null, user ? user.displayName : 'nobody')
}

const defaults = { proxyUrl: '/orq', tokenUrl: '/token', debounceMs: 20, debug: true }

/** What an app makes of it: options in line, the user of its session below. */
export const App = ({ user, options, provider, children }) =>
  h(OrqProvider, { ...defaults, ...provider }, h(Profile, { user, options }), children)

export const Lonely = () => h(Profile, { user: null })
