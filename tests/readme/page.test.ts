import { type JsxEmit, transpileModule } from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AppBesideDev, importMap, startAppBesideDev } from '../browser/beside-dev.ts'
import { hasLibraries } from '../browser/bindings/bundle.ts'
import { replaced, snippet } from './snippets.ts'

let app: AppBesideDev
beforeAll(async () => {
  app = await startAppBesideDev()
})
afterAll(() => app?.close())

/** Opens the page as somebody whom Orq knows by another name, and waits for what the snippet says. */
const expectJane = async (): Promise<void> => {
  const { posts, errors } = await app.visitSignedIn()
  await expect
    .poll(app.stored)
    .toMatchObject({ display_name: 'Jane', email: 'jane@example.com', metadata: { plan: 'pro' } })
  // The sign-in was the first.
  expect(posts).toHaveLength(2)
  expect(errors).toEqual([])
}

describe('in a page, as it is', () => {
  test('the script tag makes the signed-in user a contact', async () => {
    app.show(snippet('script tag'))
    await expectJane()
  })

  test('the module does', async () => {
    app.show(`${importMap}<script type="module">${snippet('module')}</script>`)
    await expectJane()
  })
})

const jane = JSON.stringify({
  externalId: 'user_1',
  displayName: 'Jane',
  email: 'jane@example.com',
  metadata: { plan: 'pro' },
})
const identify = `analytics.identify('user_1', { name: 'Jane', email: 'jane@example.com', plan: 'pro' })`
const init = `orq.init({ proxyUrl: '/orq', tokenUrl: '/token' })`

/** Each with what it leaves to the app: a session, a place in the page, a key, and the call of an identify. */
const apps: Record<string, () => Record<string, string>> = {
  'the snippet of React': () => ({
    'session.js': `export const useSession = () => ({ user: ${jane} })`,
    'App.js': transpileModule(`import { useSession } from './session.js'\n${snippet('react')}`, {
      compilerOptions: { jsx: 4 satisfies JsxEmit.ReactJSX, target: 99, module: 99 },
    }).outputText,
    'main.js': `import { createElement } from 'react'
      import { createRoot } from 'react-dom/client'
      import { App } from './App.js'
      createRoot(document.getElementById('app')).render(createElement(App))`,
  }),
  // One line goes where its comment says.
  'the snippet of Vue': () => {
    const [inSetup] = /^.+(?= \/\/ in a component's setup$)/m.exec(snippet('vue')) ?? ['']
    return {
      'main.js': `import { createApp, h, reactive } from 'vue'
        const session = reactive({ user: ${jane} })
        const app = createApp({ setup: () => { identifyUser(); return () => h('p', session.user.displayName) } })
        ${replaced(snippet('vue'), { [inSetup]: `function identifyUser() { ${inSetup} }` })}
        app.mount('#app')`,
    }
  },
  'the snippet of Segment': () => ({
    'main.js': `const writeKey = 'key'\n${snippet('segment')}\n${init}\n${identify}`,
  }),
  'the snippet of analytics': () => ({ 'main.js': `${snippet('analytics')}\n${init}\n${identify}` }),
}

describe.runIf(hasLibraries)('with the real library', () => {
  test.each(Object.entries(apps))(
    '%s makes the signed-in user a contact',
    async (_, make) => {
      await app.showBundled(make())
      await expectJane()
    },
    60_000,
  )
})
