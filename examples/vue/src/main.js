import { orqPlugin } from 'orq-identify/vue'
import { createApp } from 'vue'
import App from './App.vue'

createApp(App).use(orqPlugin, { proxyUrl: '/orq', tokenUrl: '/token' }).mount('#app')
