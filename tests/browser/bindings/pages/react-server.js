import { createElement as h } from 'react'
import { renderToString } from 'react-dom/server'
import { App } from './react-app.js'

export const render = (user) => renderToString(h(App, { user }))
