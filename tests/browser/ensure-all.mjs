// Makes sure of a Firefox and a WebKit before `npm run test:all`: Playwright's own, else Debian's, else Playwright's by
// download. Never fails: the tests name an engine that is left out.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { firefox, webkit } from 'playwright'

const hasProgram = (name) => (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)))

const hasFirefox = () => existsSync(firefox.executablePath()) || hasProgram('firefox-esr') || hasProgram('firefox')
const hasWebKit = () => existsSync(webkit.executablePath()) || (hasProgram('WebKitWebDriver') && hasProgram('Xvfb'))
const missing = () => [...(hasFirefox() ? [] : ['firefox']), ...(hasWebKit() ? [] : ['webkit'])]

const run = (command, ...args) => {
  console.log(`> ${[command, ...args].join(' ')}`)
  try {
    execFileSync(command, args, { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  } catch {
    // The last line below says what is left to do.
  }
}

const packages = { firefox: ['firefox-esr'], webkit: ['webkit2gtk-driver', 'xvfb'] }
if (missing().length && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
  run('apt-get', 'update', '-qq')
  run('apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing().flatMap((name) => packages[name]))
}
if (missing().length) run(process.execPath, 'node_modules/playwright/cli.js', 'install', ...missing())
if (missing().length) console.error(`Left out of the tests: ${missing().join(', ')}.`)
