// What Linux tells of a process.
import { readFileSync } from 'node:fs'

const ticksPerSecond = 100
const read = (pid, name) => readFileSync(`/proc/${pid}/${name}`, 'utf8')
/** The name, in brackets, may hold spaces. */
const numbersOf = (pid) => read(pid, 'stat').split(') ')[1].split(' ').map(Number)
const toMs = (ticks) => (ticks / ticksPerSecond) * 1_000

/** Processor time of all its threads, in milliseconds. */
export const cpuMsOf = (pid) => {
  const numbers = numbersOf(pid)
  return toMs(numbers[11] + numbers[12])
}

/** Of the children that have ended. */
export const endedChildrenCpuMsOf = (pid) => {
  const numbers = numbersOf(pid)
  return toMs(numbers[13] + numbers[14])
}

/** Of the resident memory, without pages of mapped files: what a container is charged for. */
export const memoryBytesOf = (pid) => Number(/^RssAnon:\s+(\d+) kB/m.exec(read(pid, 'status'))[1]) * 1024

/**
 * Bytes: `rchar` and `wchar` that it asked for, from the system's cache or the disk, `write_bytes` on their way to the disk.
 * Sockets are not counted by the last one.
 */
export const ioOf = (pid) =>
  Object.fromEntries([...read(pid, 'io').matchAll(/^(\w+): (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]))

export const childrenOf = (pid) => read(pid, `task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number)
