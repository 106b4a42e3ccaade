import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'

/** What one durable write of this disk takes, in milliseconds: the median of 200. */
const fsyncMs = () => {
  const path = join(tmpdir(), `orq-fsync-${process.pid}`)
  const file = openSync(path, 'w')
  const times = Array.from({ length: 200 }, () => {
    writeSync(file, 'x'.repeat(4_096))
    const start = performance.now()
    fsyncSync(file)
    return performance.now() - start
  })
  closeSync(file)
  rmSync(path)
  return times.sort((a, b) => a - b)[100]
}

/** What a reader has to know of the machine to make anything of the numbers. */
export const describeMachine = () => ({
  date: new Date().toISOString(),
  cores: availableParallelism(),
  processor: cpus()[0]?.model,
  node: process.version,
  loadAtStart: loadavg()[0],
  fsyncMs: fsyncMs(),
})
