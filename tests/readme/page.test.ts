import { type JsxEmit, transpileModule } from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AppBesideDev, importMap, startAppBesideDev } from '../browser/beside-dev.ts'
import { heavy } from '../is-all.ts'
import { replaced, snippet } from './snippets.ts'

let app: AppBesideDev
beforeAll(async () => {
  app = await startAppBesideDev()
})
afterAll(() => app?.close())

/** Opens the page as somebody whom Orq knows by another name, and waits for what the snippet says. */
const expectJane = async (fields: object = { display_name: 'Jane', metadata: { plan: 'pro' } }): Promise<void> => {
  const { sent, errors } = await app.visitSignedIn()
  await expect.poll(app.stored).toMatchObject({ email: 'jane@example.com', ...fields })
  // The sign-in was the first.
  expect(await sent()).toHaveLength(2)
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

const user = JSON.stringify({ id: 'user_1', name: 'Jane', email: 'jane@example.com' })
const identify = `analytics.identify('user_1', { name: 'Jane', email: 'jane@example.com', plan: 'pro' })`
const init = `orq.init({ proxyUrl: '/orq', tokenUrl: '/token' })`

/** Each with what it leaves to the app: a session, a place in the page, a key, and the call of an identify. */
const apps: Record<string, () => Record<string, string>> = {
  'the snippet of React': () => ({
    'session.js': `export const useSession = () => ({ user: ${user}, loading: false })`,
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
        const session = reactive({ user: ${user} })
        const app = createApp({ setup: () => { identifyUser(); return () => h('p', session.user.name) } })
        ${replaced(snippet('vue'), { [inSetup]: `function identifyUser() { ${inSetup} }` })}
        app.mount('#app')`,
    }
  },
  'the snippet of Segment': () => ({
    'main.js': `const writeKey = 'key'\n${snippet('segment')}\n${init}\n${identify}`,
  }),
  'the snippet of analytics': () => ({ 'main.js': `${snippet('analytics')}\n${init}\n${identify}` }),
}

/** Where it is not all that the others have. */
const given: Record<string, object> = { 'the snippet of React': { display_name: 'Jane' }, 'the snippet of Vue': {} }

describe('with the real library', heavy, () => {
  test.each(Object.entries(apps))(
    '%s makes the signed-in user a contact',
    async (name, make) => {
      await app.showBundled(make())
      await expectJane(given[name])
    },
    60_000,
  )
})
