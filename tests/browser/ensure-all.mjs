// Makes sure of a Firefox and a WebKit before `npm run test:all`: Playwright's own, else Debian's, else Playwright's by
// download. Never fails: the tests name an engine that is left out.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { firefox, webkit } from 'playwright'
import { attempt, installByApt } from '../system-packages.mjs'

const hasProgram = (name) => (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)))

const hasFirefox = () => existsSync(firefox.executablePath()) || hasProgram('firefox-esr') || hasProgram('firefox')
const hasWebKit = () => existsSync(webkit.executablePath()) || (hasProgram('WebKitWebDriver') && hasProgram('Xvfb'))
const missing = () => [...(hasFirefox() ? [] : ['firefox']), ...(hasWebKit() ? [] : ['webkit'])]

const packages = { firefox: ['firefox-esr'], webkit: ['webkit2gtk-driver', 'xvfb'] }
installByApt(...missing().flatMap((name) => packages[name]))
if (missing().length) attempt(process.execPath, 'node_modules/playwright/cli.js', 'install', ...missing())
if (missing().length) console.error(`Left out of the tests: ${missing().join(', ')}.`)
