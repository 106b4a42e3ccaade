import { orq } from 'orq-identify'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.jsx'

orq.init({ proxyUrl: '/orq', tokenUrl: '/token' })

createRoot(document.querySelector('#app')).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
