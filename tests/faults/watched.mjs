// `orq-identify proxy` that tells, at each SIGUSR2, how its event loop has waited for another process that holds the file
// since the last one: how often, the shortest and the longest time, and whether it ever waited twice in one turn.
import { DatabaseSync } from 'node:sqlite'

let waits = []
let inThisTurn = 0
let most = 0

// What asks for the lock; a read asks for none.
const exec = DatabaseSync.prototype.exec
DatabaseSync.prototype.exec = function (sql) {
  const start = performance.now()
  try {
    return exec.call(this, sql)
  } catch (error) {
    // Only what was in vain has waited as long as it may.
    if (sql === 'BEGIN IMMEDIATE') {
      waits.push(performance.now() - start)
      if (!inThisTurn++) setImmediate(() => (inThisTurn = 0))
      most = Math.max(most, inThisTurn)
    }
    throw error
  }
}

process.on('SIGUSR2', () => {
  const [shortest, longest] = waits.length ? [Math.min(...waits), Math.max(...waits)] : [0, 0]
  console.log(`waited ${JSON.stringify({ count: waits.length, shortest, longest, inOneTurn: most })}`)
  waits = []
  most = 0
})
await import('../../dist/cli.js')
