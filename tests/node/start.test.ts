import { expect, test } from 'vitest'
import { isAll } from '../is-all.ts'
import { runProxy, temporaryFolder } from './running-proxy.ts'

// The best of several: it says what the program needs, the others what the machine was busy with.
test.runIf(isAll)('from its start to ready it takes at most 500 ms, with a store that is new or old', async () => {
  for (const folder of [undefined, temporaryFolder()]) {
    const times: number[] = []
    for (let i = 0; i < 7; i++) {
      const proxy = await runProxy('http://127.0.0.1:9', folder === undefined ? {} : { folder })
      const start = performance.now()
      expect((await fetch(`${proxy.adminUrl}/readyz`)).status).toBe(200)
      times.push(proxy.startMs + performance.now() - start)
      await proxy.stop()
    }
    expect(Math.min(...times)).toBeLessThan(500)
  }
})
