import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { launch, visitor } from './page.ts'
import { startDev } from './processes.ts'

// npm run screenshots: the page of `orq-identify dev` as the README shows it, with something in each of its lists.

const folder = join(import.meta.dirname, '../../examples/screenshots')
const height = 1480

const dev = await startDev()
const browser = await launch()
try {
  const { context, page } = await visitor(browser)
  const identify = async (id, name, plan, tags) => {
    await page.fill('#external-id', id)
    await page.fill('#display-name', name)
    await page.fill('#email', `${id}@example.com`)
    await page.fill('#plan', plan)
    await page.fill('#tags', tags)
    await page.click('#sign-in')
  }
  const becomes = (status, n) =>
    page.waitForFunction(
      ([name, least]) => document.querySelectorAll(`#calls [data-status="${name}"]`).length >= Number(least),
      [status, n],
    )
  mkdirSync(folder, { recursive: true })
  await page.goto(dev.url)
  await page.check('input[name="keeping"][value="disk"]')
  await identify('user_1', 'Ada Lovelace', 'pro', 'founder, beta')
  await becomes('delivered', 1)
  await page.click('#again')
  await becomes('duplicate', 1)
  await dev.fault('refuse_email')
  await identify('user_2', 'Grace Hopper', 'team', 'navy')
  await page.waitForSelector('#queue [data-state="parked"]')
  await dev.fault('down')
  await identify('user_3', 'Hedy Lamarr', 'free', 'radio')
  await page.waitForSelector('#queue [data-state="backoff"]')
  await becomes('accepted', 2)
  await page.evaluate(() => document.activeElement?.blur())

  // As it is before anybody scrolls or points.
  await page.mouse.move(0, 0)
  for (const width of [1280, 360])
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize({ width, height })
      await page.emulateMedia({ colorScheme })
      await page.evaluate(() => scrollTo(0, 0))
      const picture = await page.screenshot({ animations: 'disabled' })
      // A page has few colours: a palette makes it a third, and the README is read over slow lines too.
      await sharp(picture)
        .png({ palette: true, colours: 128, dither: 0, effort: 10 })
        .toFile(join(folder, `dev-${width}-${colorScheme}.png`))
    }
  await context.close()
} finally {
  await browser.close()
  await dev.stop()
}
