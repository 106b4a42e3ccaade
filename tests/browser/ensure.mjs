// Makes sure of a Chromium before the tests: an installed one, else Playwright's own, else Debian's.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chromium } from 'playwright'
import { findChromium } from './find.mjs'

const run = (command, ...args) => {
  console.log(`> ${[command, ...args].join(' ')}`)
  execFileSync(command, args, { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
}

const attempt = (task) => {
  try {
    task()
  } catch {
    // The last line below says what is left to do.
  }
}

if (!findChromium() && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get'))
  attempt(() => {
    run('apt-get', 'update', '-qq')
    run('apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'chromium')
  })
if (!findChromium()) attempt(() => run(process.execPath, 'node_modules/playwright/cli.js', 'install', 'chromium'))
if (!findChromium()) {
  console.error(
    `No Chromium: install one, or run "npx playwright install chromium" (looked for ${chromium.executablePath()}).`,
  )
  process.exit(1)
}
