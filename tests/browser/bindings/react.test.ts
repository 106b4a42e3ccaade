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
let renderOnServer: (user: object | null) => string
beforeAll(async () => {
  browser = await launch()
  script = await bundle('react.js')
  renderOnServer = (await importForServer<{ render: typeof renderOnServer }>('react-server.js')).render
})
afterAll(() => browser?.close())

const open = (markup = ''): Promise<Opened> => openPage(browser, { script, markup, name: 'react' })

describe('useIdentify', heavy, () => {
  test('in StrictMode, which mounts twice, is one client, one token and one request', async () => {
    const { app, call, run, complaints, posts, decisions } = await open()
    app.signIn('jane')
    await call('show', jane)
    await expect.poll(() => app.contact('jane')?.display_name).toBe('Jane')
    await run('client.flush()')
    expect([posts.length, app.tokenCalls]).toEqual([1, 1])
    expect(complaints).toEqual([])
    // Printed once the chunk's words are there.
    await expect.poll(() => decisions.join()).toContain('delivered')
    expect(decisions.join()).not.toContain('closed')
  })

  test('calls nothing for an equal object, and sends what changes in it', async () => {
    const { app, call, run, posts } = await open()
    app.signIn('jane')
    await call('show', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await run('client.flush()')
    await run(`decisions = []; client.on('decision', ({ kind }) => decisions.push(kind))`)
    await call('show', { ...jane })
    await call('show', { ...jane, email: 'jane@example.com' })
    await expect.poll(() => app.contact('jane')?.email).toBe('jane@example.com')
    expect(await run('client.flush().then(() => decisions)')).toEqual(['sent', 'delivered'])
    expect(posts).toHaveLength(2)
  })

  test('takes another user as another user, and forgets nobody by it', async () => {
    const { app, call, run, posts } = await open()
    app.signIn('jane')
    await call('show', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    app.signIn('omar')
    await call('show', omar)
    await expect.poll(() => app.contact('omar')).toMatchObject({ display_name: 'Omar' })
    app.signIn('jane')
    await call('show', jane)
    await run('client.flush()')
    expect(posts.map((body) => JSON.parse(body))).toEqual([
      { external_id: 'jane', display_name: 'Jane' },
      { external_id: 'omar', display_name: 'Omar' },
    ])
  })

  test('does nothing while nobody is signed in or it is not known who is', async () => {
    const { app, call, run, posts, page } = await open()
    await call('show', undefined)
    await call('show', null)
    await expect.poll(() => page.textContent('p')).toBe('nobody')
    await run('client.flush()')
    expect([posts, app.tokenCalls, await run(stored)]).toEqual([[], 0, '{}'])
  })

  test('resets when null follows a user, not while it loads', async () => {
    const { app, call, run, posts } = await open()
    app.signIn('jane')
    await call('show', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await run('client.flush()')
    await run(`decisions = []; client.on('decision', ({ kind }) => decisions.push(kind))`)
    for (const user of [undefined, null, omar]) await call('show', user, { loading: true })
    await call('show', jane, { loading: false })
    await run('client.flush()')
    expect([posts.length, await run('decisions')]).toEqual([1, []])
    expect(await run(ledgers)).not.toEqual([{}])
    await call('show', null, { loading: false })
    await expect.poll(() => run(ledgers)).toEqual([{}])
    await call('show', jane)
    await expect.poll(() => posts.length).toBe(2)
  })

  test('does nothing while it loads, whatever the user is', async () => {
    const { app, call, run, posts } = await open()
    app.signIn('jane')
    for (const user of [jane, null, undefined]) await call('show', user, { loading: true })
    await run('client.flush()')
    expect([posts, app.tokenCalls, await run(stored)]).toEqual([[], 0, '{}'])
  })

  test.each([
    ['null', null, undefined],
    ['false', false, undefined],
    ['undefined that is not loading', undefined, { loading: false }],
  ])('forgets who was here before when a page loads with %s', async (_, user, options) => {
    const { app, call, run, page, complaints } = await open()
    app.signIn('jane')
    app.setDown(true)
    await call('show', { ...jane, email: 'jane@example.com' })
    await expect.poll(() => run(stored)).toContain('jane@example.com')
    app.signIn(null)
    await page.reload()
    complaints.length = 0
    expect(await run(stored)).toContain('jane@example.com')
    await call('show', user, options)
    await expect.poll(() => run(stored)).not.toContain('jane@example.com')
    expect(complaints).toEqual([])
  })

  test('resets once while it stays signed out', async () => {
    const { app, call, run } = await open()
    app.signIn('jane')
    await call('show', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await run('resets = 0; reset = client.reset; client.reset = () => { resets++; reset() }')
    await call('show', null)
    await call('show', null)
    await call('show', false)
    await call('show', undefined)
    await call('show', undefined, { loading: false })
    expect(await run('resets')).toBe(1)
  })

  test('resets when undefined follows a user, and says once how to tell that it loads', async () => {
    const { app, call, run, complaints } = await open()
    app.signIn('jane')
    await call('show', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    expect(await run(ledgers)).not.toEqual([{}])
    await call('show', undefined)
    await expect.poll(() => run(ledgers)).toEqual([{}])
    await call('show', jane)
    await call('show', undefined)
    expect(complaints).toHaveLength(1)
    expect(complaints.join()).toMatch(/useIdentify.*undefined.*null.*\{ loading \}/)
  })

  test('of a rendering that is never seen calls nothing', async () => {
    const { app, call, run, posts, page } = await open()
    app.signIn('jane')
    await call('show', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    app.signIn('omar')
    await call('prepare', omar)
    await expect.poll(() => run('globalThis.isPrepared')).toBe(true)
    await call('show', { ...jane, email: 'jane@example.com' })
    await expect.poll(() => page.textContent('p')).toBe('Jane')
    app.signIn('jane')
    await run('client.flush()')
    expect(posts.map((body) => JSON.parse(body).external_id)).not.toContain('omar')
  })

  test('goes on with a client of its own when it is shown after it had been hidden', async () => {
    const { app, call, run } = await open()
    app.signIn('jane')
    await call('showIn', 'visible', jane)
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await run('former = client')
    await call('showIn', 'hidden', jane)
    await expect
      .poll(() => run(`former.identify('jane', { name: 'J' })`))
      .toEqual({
        status: 'dropped',
        reason: 'closed',
      })
    await call('showIn', 'visible', { ...jane, displayName: 'Jane Doe' })
    await expect.poll(() => app.contact('jane')?.display_name).toBe('Jane Doe')
  })

  test('without a provider says what to put where', async () => {
    const { call, page } = await open()
    await call('showLonely')
    await expect.poll(() => page.textContent('#root')).toContain('put an <OrqProvider> above')
  })
})

describe('OrqProvider', heavy, () => {
  test('closes its client when it is unmounted, and the next visit brings what was left', async () => {
    const { app, call, run, posts, page } = await open()
    app.signIn('jane')
    app.setDown(true)
    await call('show', jane)
    await expect.poll(() => posts.length).toBeGreaterThan(0)
    await call('unmount')
    expect(await run(`client.identify('jane', { name: 'Late' })`)).toEqual({ status: 'dropped', reason: 'closed' })
    app.setDown(false)
    await page.reload()
    await call('show', undefined)
    await expect.poll(() => app.contact('jane')?.display_name, { timeout: 20_000 }).toBe('Jane')
  })

  test('renders the same on a server, where nothing happens, and hydrates without a warning', async () => {
    const markup = renderOnServer(jane)
    expect(markup).toBe('<p>Jane</p>')
    const { app, call, run, complaints, posts } = await open(markup)
    app.signIn('jane')
    await call('hydrate', jane)
    await expect.poll(() => app.contact('jane')?.display_name).toBe('Jane')
    await run('client.flush()')
    expect(posts).toHaveLength(1)
    expect([complaints, await run('recovered')]).toEqual([[], []])
  })

  test('would not pass that with other markup', async () => {
    const { call, run } = await open(renderOnServer(omar))
    await call('hydrate', jane)
    await expect.poll(() => run('recovered.join()')).toContain('ydrat')
  })

  /** In a page: `askAs('first')` is a source of tokens that notes its name when it is asked. */
  const askAs = `asked = []; ask = () => fetch('/token', { method: 'POST' }).then((r) => r.json()).then(({ token }) => token)
    askAs = (name) => () => { asked.push(name); return ask() }`
  const show = (user: object | null, provider: string, method = 'show'): string =>
    `react.${method}(${JSON.stringify(user)}, undefined, ${provider})`

  test('asks the token function of the last rendering', async () => {
    const { app, run, complaints } = await open()
    app.signIn('jane')
    await run(askAs)
    await run(show(jane, `{ token: askAs('first') }`))
    await expect.poll(() => app.contact('jane')).toBeDefined()
    app.signIn('omar')
    await run(show(omar, `{ token: askAs('second') }`))
    await expect.poll(() => app.contact('omar')).toBeDefined()
    expect([await run('asked'), complaints]).toEqual([['first', 'second'], []])
  })

  test('asks no token function of a rendering that is never seen', async () => {
    const { app, call, run } = await open()
    app.signIn('jane')
    await run(askAs)
    await run(show(null, `{ token: askAs('seen') }`))
    await run(show(null, `{ token: askAs('prepared') }`, 'prepare'))
    await expect.poll(() => run('globalThis.isPrepared')).toBe(true)
    await run(`client.identify('jane', { name: 'Jane' })`)
    expect([await run('asked'), app.contact('jane')?.display_name]).toEqual([['seen'], 'Jane'])
    await call('unmount')
  })

  test('takes a token text that has changed at the next ask', async () => {
    const { app, run, posts, complaints } = await open()
    await run(askAs)
    app.signIn('jane')
    await run('ask().then((text) => { janes = text })')
    app.signIn('omar')
    await run('ask().then((text) => { omars = text })')
    app.signIn(null)
    await run(show(null, `{ token: '' }`))
    await run(show(jane, '{ token: janes }'))
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await run(show(omar, '{ token: omars }'))
    await expect.poll(() => app.contact('omar')).toBeDefined()
    expect([posts.length, app.tokenCalls, complaints]).toEqual([2, 2, []])
  })

  test('refuses a token of another kind at the mount, by its name', async () => {
    const { run, page } = await open()
    await run(show(jane, '{ token: 5 }', 'showGuarded'))
    await expect.poll(() => page.textContent('#root')).toContain('orq: token must be')
  })

  test('shows contacts to the beforeSend of the last rendering', async () => {
    const { app, run, complaints } = await open()
    app.signIn('jane')
    const tag = (name: string): string => `{ beforeSend: (contact) => ({ ...contact, tags: ['${name}'] }) }`
    await run(show(jane, tag('first')))
    await expect.poll(() => app.contact('jane')?.tags).toEqual(['first'])
    await run(show({ ...jane, displayName: 'Jane Doe' }, tag('second')))
    await expect.poll(() => app.contact('jane')?.tags).toEqual(['second'])
    expect(complaints).toEqual([])
  })

  test('tells the client what consent has become, before anything below identifies', async () => {
    const { app, run, posts, complaints } = await open()
    app.signIn('jane')
    await run(askAs)
    await run(show(jane, `{ consent: 'pending', token: askAs('pending') }`))
    await run('client.flush()')
    expect([posts, await run('asked'), await run(stored)]).toEqual([[], [], '{}'])
    await run(show(jane, `{ consent: 'granted', token: askAs('granted') }`))
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await run('client.flush()')
    await run(`decisions = []; client.on('decision', ({ kind, reason }) => decisions.push([kind, reason]))`)
    app.signIn('omar')
    await run(show(omar, `{ consent: 'denied', token: askAs('denied') }`))
    expect(await run('client.flush().then(() => decisions)')).toEqual([['dropped', 'denied']])
    expect([posts.length, await run('asked'), complaints]).toEqual([1, ['granted'], []])
  })

  test('leaves consent as it is when the prop becomes undefined', async () => {
    const { app, run, posts, complaints } = await open()
    app.signIn('jane')
    await run(show(jane, `{ consent: 'denied' }`))
    await run(show({ ...jane, displayName: 'Jane Doe' }, '{ consent: undefined }'))
    await run('client.flush()')
    expect([posts, app.tokenCalls, complaints]).toEqual([[], 0, []])
  })

  test('says once which option has changed after the mount, where it is read once', async () => {
    const { run, complaints } = await open()
    const fixed = `fetch: (...args) => fetch(...args), retries: { strategy: 'none' }, proxyUrl: new URL('/orq', location)`
    await run(show(null, `{ ${fixed} }`))
    await run(show(null, `{ ${fixed} }`))
    expect(complaints).toEqual([])
    for (const debounceMs of [30, 40]) await run(show(null, `{ ${fixed}, debounceMs: ${debounceMs}, dedupeTtlMs: 5 }`))
    expect(complaints).toEqual([
      expect.stringMatching(/^orq: .*debounceMs.*once/),
      expect.stringMatching(/^orq: .*dedupeTtlMs.*once/),
    ])
  })

  test('starts with the options of that time when it is shown after it had been hidden', async () => {
    const { app, call, run, complaints } = await open()
    app.signIn('jane')
    await run(askAs)
    await run(`react.showIn('visible', null)`)
    await run('former = client')
    for (const mode of ['hidden', 'visible']) {
      await run(`react.showIn('${mode}', ${JSON.stringify(jane)}, {}, { debounceMs: 30, token: askAs('later') })`)
      await run('client.flush()')
    }
    await expect.poll(() => app.contact('jane')).toBeDefined()
    expect([await run('asked'), await run('client !== former'), complaints]).toEqual([['later'], true, []])
    await call('unmount')
  })

  test('says that a token or a beforeSend which comes after the mount is not used', async () => {
    const { app, run, complaints } = await open()
    app.signIn('jane')
    await run(askAs)
    await run(show(null, '{}'))
    const late = `{ token: askAs('late'), beforeSend: (contact) => ({ ...contact, tags: ['late'] }) }`
    await run(show(jane, late))
    await run(show(jane, late))
    await expect.poll(() => app.contact('jane')).toBeDefined()
    expect(app.contact('jane')?.tags).not.toEqual(['late'])
    expect([await run('asked'), app.tokenCalls]).toEqual([[], 1])
    expect(complaints).toEqual([
      expect.stringMatching(/^orq: .* token .*mount/),
      expect.stringMatching(/^orq: .* beforeSend .*mount/),
    ])
  })

  test('says that a token or a beforeSend has gone, and nobody counts as signed in', async () => {
    const { app, run, complaints } = await open()
    app.signIn('jane')
    await run(askAs)
    await run(show(null, `{ token: askAs('first'), beforeSend: () => null }`))
    await run(show(jane, '{}'))
    await run(show(jane, '{}'))
    await expect.poll(() => run('client.explain().map(({ reason }) => reason)')).toEqual(['no_token'])
    expect([await run('asked'), app.tokenCalls]).toEqual([[], 0])
    expect(complaints).toEqual([
      expect.stringMatching(/^orq: .* token .*mount/),
      expect.stringMatching(/^orq: .* beforeSend .*mount/),
    ])
  })
})
