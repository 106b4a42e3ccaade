import type { Browser, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { launch, type Visitor, visitor } from './page.ts'
import { type Dev, startDev } from './processes.ts'

let browser: Browser
let dev: Dev
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  dev = await startDev()
})
afterEach(() => dev.stop())

const visit = async (): Promise<Visitor> => {
  const guest = await visitor(browser)
  onTestFinished(() => guest.context.close())
  await guest.page.goto(dev.url)
  await guest.page.waitForSelector('#live[data-live="true"]')
  return guest
}
const signIn = async (page: Page, id: string): Promise<void> => {
  await page.fill('#external-id', id)
  await page.fill('#email', `${id}@example.com`)
  await page.click('#sign-in')
}
const waiting = (page: Page, id: string, state: string) =>
  page.locator(`#queue [data-external-id="${id}"][data-state="${state}"]`)
const contact = async (id: string) => (await dev.contacts()).find(({ external_id }) => external_id === id)
/** What the button that is in focus says, or the id of whatever else is. */
const focused = (page: Page) =>
  page.evaluate(
    () => document.activeElement?.ariaLabel ?? (document.activeElement?.id || document.activeElement?.tagName),
  )

describe('the queue on the page', () => {
  test('shows a refused field, and a person with a keyboard alone tries it again and loses no place', async () => {
    const { page, errors } = await visit()
    await page.check('input[name="keeping"][value="disk"]')
    await page.waitForSelector('#queue-empty:not([hidden])')
    await page.check('#fault-refuse')
    await expect.poll(async () => (await (await fetch(`${dev.url}/faults`)).json()).mode).toBe('refuse_email')
    await signIn(page, 'parked')
    const entry = waiting(page, 'parked', 'parked')
    await entry.waitFor()
    expect(await entry.textContent()).toMatch(/parked@example\.com\s+422 refused/)
    expect(await contact('parked')).not.toHaveProperty('email')

    const refusals = page.locator('#stream [data-where="proxy"][data-what="refused"]')
    await expect.poll(() => refusals.count()).toBe(1)
    await entry.getByRole('button', { name: 'Retry now: parked' }).focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => refusals.count()).toBe(2)
    await entry.waitFor()
    expect(await focused(page)).toBe('Retry now: parked')

    await page.check('input[name="fault"][value="ok"]')
    await expect.poll(async () => (await (await fetch(`${dev.url}/faults`)).json()).mode).toBe('ok')
    await entry.getByRole('button', { name: 'Retry now: parked' }).focus()
    await page.keyboard.press('Enter')
    await expect.poll(async () => (await contact('parked'))?.email).toBe('parked@example.com')
    await expect.poll(() => page.locator('#queue li').count()).toBe(0)
    expect(await focused(page)).toBe('queue-title')
    expect(errors).toEqual([])
  })

  test('shows what waits for an API that is down, refuses to lose it, and drops it when told to', async () => {
    const { page } = await visit()
    await page.check('input[name="keeping"][value="disk"]')
    await page.waitForSelector('#queue-empty:not([hidden])')
    await dev.fault('down')
    await page.waitForFunction(() => document.querySelector<HTMLInputElement>('[value="down"]')?.checked)
    await signIn(page, 'waits')
    await page.waitForSelector('#calls li[data-status="accepted"]')
    const entry = page.locator('#queue [data-external-id="waits"]')
    await expect.poll(() => entry.textContent()).toMatch(/last: 503 retry/)
    await page.click('input[name="keeping"][value="memory"]')
    await page.waitForSelector('#notice[data-trouble="true"]')
    expect(await page.textContent('#notice')).toContain('would be lost')
    await expect.poll(() => page.isChecked('input[name="keeping"][value="disk"]')).toBe(true)
    await entry.getByRole('button', { name: 'Drop: waits' }).click()
    await expect.poll(() => page.locator('#queue li').count()).toBe(0)
    await page.check('input[name="keeping"][value="memory"]')
    await page.waitForSelector('#queue-in-memory:not([hidden])')
    expect(await contact('waits')).toBeUndefined()
  })
})

describe('the steps on the page', () => {
  const told = (page: Page): Promise<string[]> =>
    page
      .locator('#stream > li')
      .evaluateAll((rows) =>
        rows.map(
          (row) =>
            `${row.getAttribute('data-where')} ${row.getAttribute('data-what')?.replace(/ in \d+ ms/, '')} ${row.querySelector('.what')?.textContent}`,
        ),
      )

  test('are the way of a call from the page to the API and back, with whose it is', async () => {
    const { page } = await visit()
    await signIn(page, 'steps')
    const way = ['page sent steps', 'api 200 steps', 'proxy 200 delivered steps', 'page delivered steps']
    await expect.poll(() => told(page)).toEqual(way.reverse())
    await page.uncheck('#show-page')
    expect(await page.locator('#stream > li:visible').count()).toBe(2)
    await page.click('#clear')
    expect(await page.isVisible('#no-steps')).toBe(true)
  })

  test('tell of the requests of other pages, and why one was turned away', async () => {
    const { page } = await visit()
    const headers = { 'content-type': 'application/json', authorization: 'Bearer nonsense' }
    const body = JSON.stringify({ external_id: 'other' })
    await fetch(`${dev.url}/orq/v2/contacts`, { method: 'POST', headers, body })
    await expect.poll(() => told(page)).toEqual(['proxy 401 token_invalid '])
    expect(await page.textContent('#stream')).toContain('not signed with the secret of this server')
  })
})

describe('the page as people hold it', () => {
  test('has everything within reach of the Tab key', async () => {
    const { page } = await visit()
    await signIn(page, 'tabs')
    await page.waitForSelector('#calls li[data-external-id="tabs"][data-status="delivered"]')
    await page.reload()
    await page.waitForSelector('#calls li[data-status="duplicate"]')
    await page.waitForSelector('#contacts [data-external-id="tabs"]')
    const reached = new Set<string>()
    for (let n = 0; n < 80; n++) {
      await page.keyboard.press('Tab')
      const name = await page.evaluate(() => {
        const { id = '', name = '', ariaLabel, tagName } = document.activeElement as HTMLInputElement
        return id || name || ariaLabel || tagName
      })
      if (name === 'BODY') break
      reached.add(name)
    }
    for (const id of [
      'external-id',
      'sign-in',
      'sign-out',
      'ten',
      'refused-field',
      'calls',
      'stream',
      'show-api',
      'clear',
    ])
      expect(reached).toContain(id)
    for (const name of ['fault', 'keeping', 'framework', 'SUMMARY', 'Copy: index.html']) expect(reached).toContain(name)
  })

  test('is no wider than 360 px, whatever people are called', async () => {
    const { page } = await visit()
    await page.setViewportSize({ width: 360, height: 740 })
    await page.check('input[name="keeping"][value="disk"]')
    await page.waitForSelector('#queue-empty:not([hidden])')
    await dev.fault('refuse_metadata')
    const id = 'w'.repeat(120)
    await page.fill('#display-name', 'W'.repeat(200))
    await page.fill('#tags', `${'t'.repeat(64)},${'u'.repeat(64)}`)
    await page.fill('#plan', 'p'.repeat(64))
    await signIn(page, id)
    await waiting(page, id, 'parked').waitFor()
    await page.waitForSelector(`#contacts [data-external-id="${id}"]`)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
    await page.getByRole('button', { name: `Drop: ${id}` }).click()
    await expect.poll(() => page.locator('#queue li').count()).toBe(0)
  })
})
