import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heavy } from '../../is-all.ts'
import { launch } from '../page.ts'
import { bundle } from './bundle.ts'
import { ledgers, type Opened, open as openPage } from './open.ts'

let browser: Browser
let script: string
beforeAll(async () => {
  browser = await launch()
  script = await bundle('segment.js')
})
afterAll(() => browser?.close())

const open = (): Promise<Opened> => openPage(browser, { script, name: 'segment' })

/** With everything ready. */
const start = async (): Promise<Opened> => {
  const opened = await open()
  opened.app.signIn('jane')
  for (const step of ['init', 'register', 'load']) await opened.call(step)
  return opened
}

describe('with @segment/analytics-next', heavy, () => {
  test('an identify reaches Orq, and Segment as before', async () => {
    const { app, call, posts } = await start()
    await call('identify', 'jane', { name: 'Jane', email: 'jane@example.com', plan: 'pro' })
    await expect
      .poll(() => app.contact('jane'))
      .toMatchObject({ display_name: 'Jane', email: 'jane@example.com', metadata: { plan: 'pro' } })
    await call('settle')
    expect(posts).toHaveLength(1)
    await expect.poll(() => app.others.filter((body) => body.includes('"identify"')).length).toBe(1)
  })

  test('calls made before anything is ready arrive, in order', async () => {
    const { app, call, sent } = await open()
    app.signIn('jane')
    await call('identify', 'jane', { name: 'Jane' })
    await call('register')
    await call('identify', 'jane', { plan: 'pro' })
    await call('load')
    await call('settle')
    await call('init')
    await expect.poll(() => app.contact('jane')).toMatchObject({ display_name: 'Jane', metadata: { plan: 'pro' } })
    expect(await sent()).toHaveLength(1)
  })

  test('traits of several calls are joined, as Segment does', async () => {
    const { app, call } = await start()
    await call('identify', 'jane', { plan: 'pro' })
    await expect.poll(() => app.contact('jane')?.metadata).toEqual({ plan: 'pro' })
    await call('identify', { city: 'Utrecht' })
    await expect.poll(() => app.contact('jane')?.metadata).toEqual({ plan: 'pro', city: 'Utrecht' })
  })

  test('of an anonymous visitor nothing is sent or stored', async () => {
    const { app, call, posts, run } = await start()
    await call('identify', { plan: 'pro' })
    await call('settle')
    await expect.poll(() => app.others.some((body) => body.includes('"anonymousId"'))).toBe(true)
    expect([posts, app.tokenCalls]).toEqual([[], 0])
    expect(await run(`Object.keys(localStorage).filter((key) => key.startsWith('orq.'))`)).toEqual([])
  })

  test('a reset reaches Orq too', async () => {
    const { app, call, posts, run } = await start()
    await call('identify', 'jane', { name: 'Jane' })
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await call('settle')
    await call('reset')
    const own = ledgers.replace(
      'Object.values(localStorage)',
      `Object.entries(localStorage)
      .filter(([key]) => key.startsWith('orq.')).map(([, text]) => text)`,
    )
    await expect.poll(() => run(own)).toEqual([{}])
    await call('identify', 'jane', { name: 'Jane' })
    await expect.poll(() => posts.length).toBe(2)
  })

  test('a reset right after an identify is not undone by it', async () => {
    const { app, call, posts } = await start()
    await call('identifyAndReset', 'jane', { name: 'Jane' })
    await call('settle')
    await expect.poll(() => app.others.filter((body) => body.includes('"identify"')).length).toBe(1)
    expect([posts, app.tokenCalls]).toEqual([[], 0])
  })

  test('a call that leaves Orq out by its integrations does not reach it', async () => {
    const { call, posts } = await start()
    await call('identify', 'jane', { name: 'Jane' }, { integrations: { Orq: false } })
    await call('settle')
    expect(posts).toEqual([])
  })

  test('after deregister neither identify nor reset reaches Orq', async () => {
    const { app, call, posts, run } = await start()
    await call('identify', 'jane', { name: 'Jane' })
    await expect.poll(() => app.contact('jane')).toBeDefined()
    await call('settle')
    await call('deregister')
    await call('reset')
    await call('identify', 'jane', { name: 'Another' })
    await call('settle')
    expect(posts).toHaveLength(1)
    expect(await run(`client.identify('jane', { name: 'Jane' })`)).toEqual({ status: 'duplicate' })
  })
})
