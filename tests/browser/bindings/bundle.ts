import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { type Plugin, rollup } from 'rollup'
import { requireTools, toolsFolder as tools } from '../../tools.ts'

const root = join(import.meta.dirname, '../../..')
const { exports: doors } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { default: string } | undefined>
}

requireTools('@rollup/plugin-commonjs', '@segment/analytics-next', 'analytics', 'react', 'react-dom')

/** Where StrictMode mounts twice and hydration complains. */
const flags: Record<string, string> = {
  'process.env.NODE_ENV': '"development"',
  __VUE_OPTIONS_API__: 'true',
  __VUE_PROD_DEVTOOLS__: 'false',
  __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
}
const development: Plugin = {
  name: 'development',
  transform: (code) => ({
    code: Object.entries(flags).reduce((text, [name, value]) => text.replaceAll(name, value), code),
    map: null,
  }),
}

/** As installed, by `exports`. */
const ownDoors: Plugin = {
  name: 'own-doors',
  resolveId: (id) => {
    const door = /^orq-identify(\/|$)/.test(id) ? doors[id.replace('orq-identify', '.')] : undefined
    return door && join(root, door.default)
  },
}

/**
 * A page's script with the real libraries in it and the built doors of ours, but the core: a page has that once, under
 * the name that its import map gives.
 * @param entry a file of `pages`, or the whole path of another
 * @param place for a browser, or for a server, which has no import map and gets all of it
 */
export const bundle = async (entry: string, place: 'browser' | 'server' = 'browser'): Promise<string> => {
  // Named by a variable: `npm run check` has to pass where it is not installed.
  const name = pathToFileURL(join(tools, '@rollup/plugin-commonjs/dist/es/index.js')).href
  const { default: commonjs } = (await import(name)) as { default: () => Plugin }
  const isServer = place === 'server'
  const built = await rollup({
    input: resolve(import.meta.dirname, 'pages', entry),
    external: isServer ? /^node:/ : 'orq-identify',
    plugins: [
      ownDoors,
      development,
      nodeResolve({
        browser: !isServer,
        preferBuiltins: isServer,
        exportConditions: ['development'],
        modulePaths: [tools, join(root, 'node_modules')],
        dedupe: ['react', 'vue'],
      }),
      commonjs(),
    ],
    // Of the libraries: 'use client' and the like.
    onwarn: () => {},
  })
  const { output } = await built.generate({ format: 'es', inlineDynamicImports: true })
  await built.close()
  return output[0].code
}
