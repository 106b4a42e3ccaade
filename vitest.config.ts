import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts', 'examples/testing/*.test.ts'],
    testTimeout: 30_000,
    // Shared runners stall for seconds now and then; at a desk nothing is tried twice.
    retry: process.env.CI ? 1 : 0,
    hookTimeout: 60_000,
    // Machines are sometimes busy: what is awaited may take its time, and what is there at once is not waited for.
    expect: { poll: { timeout: 10_000 } },
    // Two cores: browsers and servers of several files at once would only starve each other.
    maxWorkers: 2,
  },
})
