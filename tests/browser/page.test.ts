import type { Browser } from 'playwright'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { launch, visitor } from './page.ts'
import { serveSite } from './site.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())

test('a visitor complains of a script that is not there, and not of an icon that no page names', async () => {
  const site = await serveSite((request, response) => {
    if (request.url !== '/') return void response.writeHead(404).end()
    response.setHeader('content-type', 'text/html').end('<!doctype html><script src="/orq/orq.js"></script>')
  })
  onTestFinished(() => site.close())
  const guest = await visitor(browser)
  onTestFinished(() => guest.context.close())
  await guest.page.goto(site.url)
  // As a browser with a window would ask for it.
  await guest.page.evaluate(() => fetch('/favicon.ico'))
  expect(guest.errors).toEqual([expect.stringMatching(/404.* http:\/\/127\.0\.0\.1:\d+\/orq\/orq\.js$/)])
})
