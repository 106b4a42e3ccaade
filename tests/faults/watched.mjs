// `orq-identify proxy` that tells, at each SIGUSR2, what held its event loop since the last one: at most by anything, and
// at most by waiting for another process that holds the file.
import { DatabaseSync } from 'node:sqlite'

const stepMs = 2
let held = 0
let waited = 0
const watch = () => {
  const due = performance.now() + stepMs
  setTimeout(() => {
    held = Math.max(held, performance.now() - due)
    watch()
  }, stepMs).unref()
}
watch()

// What asks for the lock; a read asks for none.
const exec = DatabaseSync.prototype.exec
DatabaseSync.prototype.exec = function (sql) {
  const start = performance.now()
  try {
    return exec.call(this, sql)
  } finally {
    if (sql === 'BEGIN IMMEDIATE') waited = Math.max(waited, performance.now() - start)
  }
}

process.on('SIGUSR2', () => {
  console.log(`Held ${held.toFixed(1)} ms, waited ${waited.toFixed(1)} ms`)
  held = waited = 0
})
await import('../../dist/cli.js')
