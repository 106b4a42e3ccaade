// What the tests need and npm does not have, for the scripts that make sure of it. Nothing here fails: each script says
// itself what is still missing.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Shows a command and what it prints. Whether it has done what it should is to be looked at. */
export const attempt = (command, ...args) => {
  console.log(`> ${[command, ...args].join(' ')}`)
  try {
    execFileSync(command, args, { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  } catch {
    // It has said why.
  }
}

/** Installs packages of Debian where that is what runs here, and we may. */
export const installByApt = (...packages) => {
  if (!packages.length || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  attempt('apt-get', 'update', '-qq')
  attempt('apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages)
}
