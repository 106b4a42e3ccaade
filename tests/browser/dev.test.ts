import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createContacts } from '../../src/server.ts'
import { launch, type Visitor, visitor } from './page.ts'
import { type Dev, startDev } from './processes.ts'

let browser: Browser
let dev: Dev
beforeAll(async () => {
  dev = await startDev()
  browser = await launch()
})
afterAll(async () => {
  await browser?.close()
  await dev?.stop()
})

/** Signs in on the page as a person would, and waits for the outcome of that call. */
const signIn = async (id: string): Promise<Visitor> => {
  const guest = await visitor(browser)
  onTestFinished(() => guest.context.close())
  const { page } = guest
  await page.goto(dev.url)
  await page.fill('#external-id', id)
  await page.fill('#display-name', `Name of ${id}`)
  await page.fill('#email', `${id}@example.com`)
  await page.fill('#plan', 'pro')
  await page.fill('#tags', 'founder, beta')
  await page.click('#sign-in')
  await page.waitForSelector('#calls li[data-status="delivered"]')
  return guest
}
const contact = async (id: string) => (await dev.contacts()).find(({ external_id }) => external_id === id)
const lastStatus = (guest: Visitor) => guest.page.locator('#calls li').first().getAttribute('data-status')

describe('the page of orq-identify dev, in Chromium', () => {
  test('a person who signs in is a contact, on the page and in the API', async () => {
    const guest = await signIn('arrives')
    expect(await contact('arrives')).toMatchObject({
      external_id: 'arrives',
      display_name: 'Name of arrives',
      email: 'arrives@example.com',
      tags: ['founder', 'beta'],
      metadata: { plan: 'pro' },
    })
    await guest.page.waitForSelector('#contacts li[data-external-id="arrives"]')
    expect(guest.posts).toHaveLength(1)
    expect(guest.errors).toEqual([])
  })

  test('every field of a contact arrives as it was given', async () => {
    const guest = await signIn('fields')
    const user = {
      external_id: 'fields',
      display_name: 'Jane 😀 <b>',
      email: 'jane@example.com',
      avatar_url: 'https://cdn.example/j.png?a=1&b=2',
      tags: ['a', 'ü'],
      metadata: { nested: { deep: [1, 2.5, null, true, { x: '"' }] }, empty: {} },
    }
    expect(await guest.page.evaluate((given) => window.orq.identify(given), user)).toEqual({ status: 'delivered' })
    expect(await contact('fields')).toMatchObject(user)
  })

  test('ten calls in a row are one request', async () => {
    const guest = await signIn('ten')
    await guest.page.fill('#display-name', 'Changed')
    await guest.page.click('#ten')
    await expect.poll(() => guest.page.locator('#calls li[data-status="delivered"]').count()).toBe(11)
    expect(guest.posts).toHaveLength(2)
    expect((await contact('ten'))?.display_name).toBe('Changed')
  })

  test('a reload with the same person is no request, also with keys in another order', async () => {
    const guest = await signIn('reload')
    await guest.page.reload()
    await guest.page.waitForSelector('#calls li[data-status="duplicate"]')
    const again = await guest.page.evaluate(() =>
      window.orq.identify({
        metadata: { plan: 'pro' },
        tags: ['founder', 'beta'],
        email: 'reload@example.com',
        displayName: 'Name of reload',
        externalId: 'reload',
      }),
    )
    expect(again).toEqual({ status: 'duplicate' })
    expect(guest.posts).toHaveLength(1)
  })

  test('one changed field is one request', async () => {
    const guest = await signIn('changed')
    await guest.page.fill('#plan', 'team')
    await guest.page.click('#save')
    await expect.poll(async () => (await contact('changed'))?.metadata).toEqual({ plan: 'team' })
    expect(await guest.sent()).toHaveLength(2)
  })

  test('a token for another person gets 403 and nothing is stored', async () => {
    const guest = await signIn('thief')
    const answer = await guest.page.evaluate(async () => {
      const { token } = await (await fetch('/token', { method: 'POST' })).json()
      const response = await fetch('/orq/v2/contacts', {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ external_id: 'victim', email: 'stolen@example.com' }),
      })
      return [response.status, await response.json()]
    })
    expect(answer).toEqual([403, { code: 'scope_mismatch' }])
    expect(await contact('victim')).toBeUndefined()
    // And the client does not even try.
    const outcome = await guest.page.evaluate(() => window.orq.identify({ externalId: 'victim' }))
    expect(outcome).toEqual({ status: 'pending', reason: 'other_person' })
    expect(guest.posts).toHaveLength(2)
  })

  test('while the contacts API is down a call is pending: server, the page works, and it arrives later', async () => {
    const guest = await signIn('patient')
    await dev.fault('down')
    try {
      await guest.page.fill('#display-name', 'Waits')
      await guest.page.click('#save')
      await expect.poll(() => lastStatus(guest), { timeout: 20_000 }).toBe('pending')
      expect(await guest.page.locator('#calls li').first().getAttribute('data-reason')).toBe('server')
      expect((await contact('patient'))?.display_name).toBe('Name of patient')
    } finally {
      await dev.fault('ok')
    }
    await guest.page.reload()
    await expect.poll(async () => (await contact('patient'))?.display_name, { timeout: 20_000 }).toBe('Waits')
  })

  test('signing out forgets the person', async () => {
    const guest = await signIn('leaves')
    await guest.page.click('#sign-out')
    await guest.page.waitForSelector('#session[data-signed-in="false"]')
    const stored = await guest.page.evaluate(() => JSON.stringify({ ...localStorage }))
    expect(stored).not.toContain('leaves')
  })

  test('nothing personal stays in the browser after the acknowledgement', async () => {
    const guest = await signIn('canary-id')
    const stored = await guest.page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))
    for (const value of ['canary-id', 'example.com', 'Name of', 'founder', 'eyJ']) expect(stored).not.toContain(value)
  })

  test('the same contact from a Node server by createContacts', async () => {
    const contacts = createContacts({ apiKey: dev.apiKey, serverUrl: dev.url })
    const stored = await contacts.create({ external_id: 'from-node', email: 'node@example.com' })
    expect(stored._id).toMatch(/^contact_[0-9A-Z]{26}$/)
    await contacts.create({ external_id: 'from-node', display_name: 'Node' })
    expect(await contact('from-node')).toMatchObject({
      email: 'node@example.com',
      display_name: 'Node',
      _id: stored._id,
    })
  })
})
