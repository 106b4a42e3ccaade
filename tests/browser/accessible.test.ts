import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heavy, isAll } from '../is-all.ts'
import { launch, type Visitor, visitor } from './page.ts'
import { type Dev, startDev } from './processes.ts'

/** Of axe-core: what is wrong, and where. */
interface Finding {
  id: string
  nodes: { target: unknown; failureSummary: string }[]
}

describe('axe-core finds nothing on the page of dev', heavy, () => {
  let browser: Browser
  let dev: Dev
  let guest: Visitor
  const axe = isAll ? readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8') : ''

  /** Something in every list, and every kind of badge. */
  const fill = async (page: Page): Promise<void> => {
    const call = async (id: string, status: string): Promise<void> => {
      await page.fill('#external-id', id)
      await page.click('#sign-in')
      await page.waitForSelector(`#calls li[data-external-id="${id}"][data-status="${status}"]`)
    }
    await dev.fault('down')
    await call('kept', 'pending')
    await dev.fault('ok')
    // By a click: the page shows the choice once the server has made it.
    await page.click('input[name="keeping"][value="disk"]')
    await page.waitForSelector('#queue-empty:not([hidden])')
    await call('arrived', 'delivered')
    await page.click('#again')
    await page.waitForSelector('#calls li[data-status="duplicate"]')
    await page.fill('#external-id', '')
    await page.click('#save')
    await page.waitForSelector('#calls li[data-status="dropped"]')
    await dev.fault('refuse_email')
    await call('refused', 'accepted')
    await dev.fault('down')
    await call('waits', 'accepted')
    await page.waitForSelector('#queue [data-state="parked"]')
    await page.click('#contacts summary')
  }

  beforeAll(async () => {
    dev = await startDev()
    browser = await launch()
    guest = await visitor(browser)
    await guest.page.goto(dev.url)
    await fill(guest.page)
    await guest.page.evaluate(axe)
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await dev?.stop()
  })

  test.each([
    ['light', 360],
    ['light', 1280],
    ['dark', 360],
    ['dark', 1280],
  ] as const)('%s, %i px wide', async (colorScheme, width) => {
    const { page } = guest
    await page.setViewportSize({ width, height: 900 })
    await page.emulateMedia({ colorScheme })
    const findings = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Finding[]; passes: unknown[] }> } }
      const { violations, passes } = await axe.run()
      return { violations, checked: passes.length }
    })
    const told = findings.violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`),
    )
    expect(told).toEqual([])
    // It has looked at the page as it is, and not at an empty one.
    expect(findings.checked).toBeGreaterThan(25)
  })
})
