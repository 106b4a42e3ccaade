import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heavy } from '../../is-all.ts'
import { launch } from '../page.ts'
import { bundle } from './bundle.ts'
import { importForServer, ledgers, type Opened, open as openPage, stored } from './open.ts'

const jane = { externalId: 'jane', displayName: 'Jane' }
const omar = { externalId: 'omar', displayName: 'Omar' }

let browser: Browser
let script: string
let renderOnServer: (user: object | null) => Promise<string>
beforeAll(async () => {
  browser = await launch()
  script = await bundle('vue.js')
  renderOnServer = (await importForServer<{ render: typeof renderOnServer }>('vue-server.js')).render
})
afterAll(() => browser?.close())

/** Markup as a server renders it: Vue warns when there is none to take over. */
const open = async (user: object | null = null, markup?: string): Promise<Opened> => {
  const opened = await openPage(browser, { script, name: 'vue', markup: markup ?? (await renderOnServer(user)) })
  return opened
}

describe('useIdentify', heavy, () => {
  test('identifies once and sends what changes, in the object or of it', async () => {
    const { app, posts, call, run } = await open(jane)
    app.signIn('jane')
    await call('mount', jane)
    await expect.poll(() => app.contact('jane')?.display_name).toBe('Jane')
    await call('show', { ...jane })
    await run('client.flush()')
    expect(posts).toHaveLength(1)
    await call('rename', 'Jane Doe')
    await expect.poll(() => app.contact('jane')?.display_name).toBe('Jane Doe')
    await run('client.flush()')
    expect([posts.length, app.tokenCalls]).toEqual([2, 1])
  })

  test('takes another user as another user, and forgets nobody by it', async () => {
    const { app, posts, call, run } = await open(jane)
    app.signIn('jane')
    await call('mount', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    app.signIn('omar')
    await call('show', omar)
    await expect.poll(() => app.contact('omar')).toMatchObject({ display_name: 'Omar' })
    app.signIn('jane')
    await call('show', jane)
    await run('client.flush()')
    expect(posts.map((body) => JSON.parse(body).external_id)).toEqual(['jane', 'omar'])
  })

  test('does nothing while nobody is signed in or it is not known who is', async () => {
    const { app, posts, call, run } = await open()
    await call('mount', undefined)
    await call('show', null)
    await run('client.flush()')
    expect([posts, app.tokenCalls, await run(stored)]).toEqual([[], 0, '{}'])
  })

  test('resets when null follows a user, not when it becomes unknown for a while', async () => {
    const { app, posts, call, run } = await open(jane)
    app.signIn('jane')
    await call('mount', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await call('show', undefined)
    await call('show', jane)
    await run('client.flush()')
    expect(posts).toHaveLength(1)
    expect(await run(ledgers)).not.toEqual([{}])
    await call('show', undefined)
    await call('show', null)
    await expect.poll(() => run(ledgers)).toEqual([{}])
    await call('show', jane)
    await expect.poll(() => posts.length).toBe(2)
  })

  test('without the plugin says what to call', async () => {
    const { call } = await open()
    expect(await call('mountLonely')).toContain('app.use(orqPlugin, options)')
  })
})

describe('orqPlugin', heavy, () => {
  test('closes its client when the app is unmounted', async () => {
    const { app, call, run } = await open(jane)
    app.signIn('jane')
    await call('mount', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await call('unmount')
    expect(await run(`client.identify('jane', { name: 'Late' })`)).toEqual({ status: 'dropped', reason: 'closed' })
  })

  test('renders the same on a server, where nothing happens, and hydrates without a warning', async () => {
    const { app, posts, call, run, complaints } = await open(jane)
    app.signIn('jane')
    await call('mount', jane)
    await expect.poll(() => app.contact('jane')?.display_name).toBe('Jane')
    await run('client.flush()')
    expect([posts.length, complaints]).toEqual([1, []])
  })

  test('would not pass that with other markup', async () => {
    const { call, complaints } = await open(omar)
    await call('mount', jane)
    expect(complaints.join()).toContain('ydration')
  })
})
