import { orq } from 'orq-identify'
import { mount } from 'svelte'
import App from './App.svelte'

orq.init({ proxyUrl: '/orq', tokenUrl: '/token' })

mount(App, { target: document.querySelector('#app') })
