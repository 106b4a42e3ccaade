import { renderToString } from 'vue/server-renderer'
import { createProfileApp } from './vue-app.js'

export const render = (user) => renderToString(createProfileApp({ user }))
