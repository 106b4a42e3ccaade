// What the tests do to a React app, from outside: window.react.
import { Activity, Component, createElement as h, StrictMode, startTransition, use } from 'react'
import { flushSync } from 'react-dom'
import { createRoot, hydrateRoot } from 'react-dom/client'
import { App, Lonely } from './react-app.js'

const container = document.getElementById('root')
const never = new Promise(() => {})
const Waiting = () => {
  globalThis.isPrepared = true
  return use(never)
}

class Boundary extends Component {
  state = {}
  static getDerivedStateFromError = (error) => ({ message: error.message })
  render = () => this.state.message ?? this.props.children
}

let root
const render = (element) => {
  root ??= createRoot(container)
  root.render(h(StrictMode, null, element))
}

globalThis.recovered = []
globalThis.react = {
  // Effects included.
  show: (user, options, provider) => flushSync(() => render(h(App, { user, options, provider }))),
  /** A rendering that never ends, and so is never seen. */
  prepare: (user, options, provider) => startTransition(() => render(h(App, { user, options, provider }, h(Waiting)))),
  showIn: (mode, user, options, provider) =>
    flushSync(() => render(h(Activity, { mode }, h(App, { user, options, provider })))),
  showGuarded: (user, options, provider) => render(h(Boundary, null, h(App, { user, options, provider }))),
  showLonely: () => render(h(Boundary, null, h(Lonely))),
  hydrate: (user) => {
    root = hydrateRoot(container, h(StrictMode, null, h(App, { user })), {
      onRecoverableError: (error) => globalThis.recovered.push(error.message),
    })
  },
  unmount: () => root.unmount(),
}
