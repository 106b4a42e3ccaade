import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// The backend has /token and the proxy: examples/hono, or any other of the examples beside it.
const { BACKEND = 'http://127.0.0.1:8080', PORT = '5173' } = process.env

export default defineConfig({
  plugins: [vue()],
  server: {
    host: '127.0.0.1',
    port: Number(PORT),
    proxy: { '/orq': BACKEND, '/token': BACKEND },
  },
  preview: { host: '127.0.0.1', port: Number(PORT) },
})
