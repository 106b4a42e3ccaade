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

  test('resets when null follows a user, not while it loads', async () => {
    const { app, posts, call, run } = await open(jane)
    app.signIn('jane')
    await call('mount', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await run('client.flush()')
    await run(`decisions = []; client.on('decision', ({ kind }) => decisions.push(kind))`)
    for (const user of [undefined, null, omar]) await call('show', user, true)
    await call('show', jane, false)
    await run('client.flush()')
    expect([posts.length, await run('decisions')]).toEqual([1, []])
    expect(await run(ledgers)).not.toEqual([{}])
    await call('show', null, false)
    await expect.poll(() => run(ledgers)).toEqual([{}])
    await call('show', jane)
    await expect.poll(() => posts.length).toBe(2)
  })

  test('does nothing while it loads, whatever the user is', async () => {
    const { app, posts, call, run } = await open(jane)
    app.signIn('jane')
    await call('mount', jane, true)
    for (const user of [null, undefined]) await call('show', user, true)
    await run('client.flush()')
    expect([posts, app.tokenCalls, await run(stored)]).toEqual([[], 0, '{}'])
  })

  test.each([
    ['null', null, undefined],
    ['false', false, undefined],
    ['undefined that is not loading', undefined, false],
  ])('forgets who was here before when a page loads with %s', async (_, user, loading) => {
    const { app, call, run, page, complaints } = await open()
    app.signIn('jane')
    app.setDown(true)
    await call('mount', undefined)
    await call('show', { ...jane, email: 'jane@example.com' })
    await expect.poll(() => run(stored)).toContain('jane@example.com')
    app.signIn(null)
    await page.reload()
    complaints.length = 0
    expect(await run(stored)).toContain('jane@example.com')
    await call('mount', user, loading)
    await expect.poll(() => run(stored)).not.toContain('jane@example.com')
    expect(complaints).toEqual([])
  })

  test('resets once while it stays signed out', async () => {
    const { app, call, run } = await open(jane)
    app.signIn('jane')
    await call('mount', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await run('resets = 0; reset = client.reset; client.reset = () => { resets++; reset() }')
    for (const user of [null, false, undefined]) await call('show', user)
    await call('show', undefined, false)
    expect(await run('resets')).toBe(1)
  })

  test('resets when undefined follows a user, and says once how to tell that it loads', async () => {
    const { app, call, run, complaints } = await open(jane)
    app.signIn('jane')
    await call('mount', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    expect(await run(ledgers)).not.toEqual([{}])
    await call('show', undefined)
    await expect.poll(() => run(ledgers)).toEqual([{}])
    await call('show', jane)
    await call('show', undefined)
    expect(complaints).toHaveLength(1)
    expect(complaints.join()).toMatch(/useIdentify.*undefined.*null.*\{ loading \}/)
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
