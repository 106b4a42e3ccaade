import { readFileSync } from 'node:fs'

const read = (url) => readFileSync(new URL(url, import.meta.url))

/** A file of an installed package, and the version of that package. */
export const peerFile = (name, file) => ({
  version: JSON.parse(read(`../node_modules/${name}/package.json`)).version,
  content: read(`../node_modules/${name}/${file}`),
})

export const ownFile = (file) => read(`../../../../dist/${file}`)
export const ownVersion = JSON.parse(read('../../../../package.json')).version
