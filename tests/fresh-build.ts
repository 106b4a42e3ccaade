import { spawnSync } from 'node:child_process'
import type { TestProject } from 'vitest/node'

const build = (): void => {
  const { status, stdout, stderr, error } = spawnSync('npm', ['run', 'build'], {
    cwd: new URL('..', import.meta.url),
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`the build failed, so nothing is tested\n${error?.message ?? stdout + stderr}`)
}

/**
 * Builds what is not fresh before any test runs, however the tests were started: the built files are what is tested. Says
 * nothing when all is fresh.
 * @throws Error with what the build has printed
 */
export const setup = (project: TestProject): void => {
  build()
  project.onTestsRerun(async () => build())
}
