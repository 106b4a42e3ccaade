import { OrqProvider, useIdentify, useOrq } from 'orq-identify/react'
import { createElement as h } from 'react'

const Profile = ({ user }) => {
  globalThis.client = useOrq()
  useIdentify(user)
  return h('p', null, user ? user.displayName : 'nobody')
}

/** What an app makes of it: options in line, the user of its session below. */
export const App = ({ user, children }) =>
  h(OrqProvider, { proxyUrl: '/orq', tokenUrl: '/token', debounceMs: 20, debug: true }, h(Profile, { user }), children)

export const Lonely = () => h(Profile, { user: null })
