// What the tests do to a Vue app, from outside: window.vue.
import { nextTick, reactive } from 'vue'
import { createLonelyApp, createProfileApp } from './vue-app.js'

let app
const session = reactive({ user: undefined, loading: undefined })

globalThis.vue = {
  /** Takes over what a server has rendered, or renders it. */
  mount: (user, loading) => {
    Object.assign(session, { user, loading })
    app = createProfileApp(session)
    app.mount('#root')
  },
  show: (user, loading) => {
    Object.assign(session, { user, loading })
    return nextTick()
  },
  rename: (name) => {
    session.user.displayName = name
    return nextTick()
  },
  unmount: () => app.unmount(),
  mountLonely: () => {
    try {
      createLonelyApp().mount('#root')
      return undefined
    } catch (error) {
      return error.message
    }
  },
}
