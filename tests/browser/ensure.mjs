// Makes sure of a Chromium before the tests: one that is there, else Debian's, else Playwright's by download. Never fails:
// the tests that need it do, at once, and all others run.
import { attempt, installByApt } from '../system-packages.mjs'
import { findChromium, noChromium } from './find.mjs'

if (!findChromium()) installByApt('chromium')
if (!findChromium()) attempt(process.execPath, 'node_modules/playwright/cli.js', 'install', 'chromium')
if (!findChromium()) console.error(noChromium)
