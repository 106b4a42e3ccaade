// Lays out the static files that Cloudflare serves before it asks the Worker: the page, and the browser files under /orq.
import { copyFile, mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
await mkdir(here('site/orq'), { recursive: true })
await copyFile(here('../script-tag/index.html'), here('site/index.html'))
for (const name of ['orq.js', 'transport.js', 'orq.esm.js', 'orq.full.js'])
  await copyFile(fileURLToPath(new URL(name, import.meta.resolve('orq-identify'))), here(`site/orq/${name}`))
