import { orq } from 'orq-identify'
import { createApp } from 'vue'
import App from './App.vue'

orq.init({ proxyUrl: '/orq', tokenUrl: '/token' })

createApp(App).mount('#app')
