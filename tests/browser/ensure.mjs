// Makes sure of a Chromium before the tests: one that is there, else Debian's, else Playwright's by download.
import { chromium } from 'playwright'
import { attempt, installByApt } from '../system-packages.mjs'
import { findChromium } from './find.mjs'

if (!findChromium()) installByApt('chromium')
if (!findChromium()) attempt(process.execPath, 'node_modules/playwright/cli.js', 'install', 'chromium')
if (!findChromium()) {
  console.error(
    `No Chromium: install one, or run "npx playwright install chromium" (looked for ${chromium.executablePath()}).`,
  )
  process.exit(1)
}
