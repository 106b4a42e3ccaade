import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heavy } from '../../is-all.ts'
import { launch } from '../page.ts'
import { bundle } from './bundle.ts'
import { type Opened, open as openPage } from './open.ts'

let browser: Browser
let script: string
beforeAll(async () => {
  browser = await launch()
  script = await bundle('analytics.js')
})
afterAll(() => browser?.close())

const open = (): Promise<Opened> => openPage(browser, { script, name: 'analytics' })

/** With everything ready. */
const start = async (): Promise<Opened> => {
  const opened = await open()
  opened.app.signIn('jane')
  for (const step of ['init', 'create']) await opened.call(step)
  return opened
}

const bodies = (posts: string[]): unknown[] => posts.map((body) => JSON.parse(body))

describe('with the analytics package', heavy, () => {
  test('an identify reaches Orq', async () => {
    const { app, call, posts, run } = await start()
    await call('identify', 'jane', { name: 'Jane', email: 'jane@example.com', plan: 'pro' })
    await expect
      .poll(() => app.contact('jane'))
      .toMatchObject({ display_name: 'Jane', email: 'jane@example.com', metadata: { plan: 'pro' } })
    await run('client.flush()')
    expect(posts).toHaveLength(1)
  })

  test('a call made before anything is ready arrives', async () => {
    const { app, call } = await open()
    app.signIn('jane')
    await call('create', 'jane', { name: 'Jane' })
    await call('init')
    await expect.poll(() => app.contact('jane')?.display_name).toBe('Jane')
  })

  test('traits of several calls of one person are joined, and never with those of another', async () => {
    const { app, call, posts, run } = await start()
    await call('identify', 'jane', { plan: 'pro' })
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await call('identify', 'jane', { city: 'Utrecht' })
    await expect.poll(() => app.contact('jane')?.metadata).toEqual({ plan: 'pro', city: 'Utrecht' })
    app.signIn('omar')
    await call('identify', 'omar', { age: 40 })
    await expect.poll(() => app.contact('omar')).toBeDefined()
    await run('client.flush()')
    expect(bodies(posts).at(-1)).toEqual({ external_id: 'omar', metadata: { age: 40 } })
  })

  test('of an anonymous visitor nothing is sent or stored', async () => {
    const { app, call, posts, run } = await start()
    await call('identify', { plan: 'pro' })
    await run('client.flush()')
    expect([posts, app.tokenCalls]).toEqual([[], 0])
    expect(await run(`Object.keys(localStorage).filter((key) => key.startsWith('orq.'))`)).toEqual([])
  })

  test('a reset reaches Orq too', async () => {
    const { app, call, posts, run } = await start()
    await call('identify', 'jane', { name: 'Jane', plan: 'pro' })
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await run('client.flush()')
    await call('reset')
    await call('identify', 'jane', { name: 'Jane' })
    await expect.poll(() => posts.length).toBe(2)
    expect(bodies(posts).at(-1)).toEqual({ external_id: 'jane', display_name: 'Jane' })
  })

  test('a reset right after an identify is not undone by it', async () => {
    const { call, posts, run } = await start()
    await run(`decisions = []; client.on('decision', ({ kind, reason }) => decisions.push(reason ?? kind))`)
    await call('identifyAndReset', 'jane', { name: 'Jane' })
    await run('client.flush()')
    expect([posts, await run('decisions')]).toEqual([[], ['reset']])
  })
})
