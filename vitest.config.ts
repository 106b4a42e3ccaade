import { defineConfig } from 'vitest/config'
import { isAll } from './tests/is-all.ts'

/** Where a real browser is driven. */
const browserTests = [
  'tests/browser/**/*.test.ts',
  'tests/examples/{examples,one-command}.test.ts',
  'tests/readme/page.test.ts',
  'tests/runtimes/service-worker.test.ts',
]

export default defineConfig({
  test: {
    // A `dist` of older sources would be tested in silence.
    globalSetup: './tests/fresh-build.ts',
    tags: [
      { name: 'heavy', description: 'npm run test:all alone: takes long, or needs the tools of tests/package.json' },
    ],
    tagsFilter: [isAll ? 'heavy' : '!heavy'],
    // Only for what hangs: the same tests take many times as long on a busy machine.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Machines are sometimes busy: what is awaited may take its time, and what is there at once is not waited for.
    expect: { poll: { timeout: 10_000 } },
    // Two cores: browsers and servers of several files at once would only starve each other.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
          include: ['tests/**/*.test.ts', 'examples/testing/*.test.ts'],
          exclude: [...browserTests, '**/node_modules/**'],
          // What is lost in one run of four has to be seen: a second try would hide it.
          retry: 0,
        },
      },
      {
        extends: true,
        test: {
          name: 'browsers',
          include: browserTests,
          // A browser on a shared runner stalls for seconds now and then; at a desk nothing is tried twice.
          retry: process.env.CI ? 1 : 0,
        },
      },
    ],
  },
})
