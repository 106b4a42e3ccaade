// `orq-identify queue …` that tells at its end, on stderr, what its transactions on the store were: how many rows each
// changed, and how long it had the processor, in milliseconds. What else the machine does counts in neither.
import { DatabaseSync } from 'node:sqlite'

const transactions = []
const exec = DatabaseSync.prototype.exec
const cpuMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
DatabaseSync.prototype.exec = function (sql) {
  if (sql === 'BEGIN IMMEDIATE') this.began = { cpu: cpuMs(), rows: changesOf(this) }
  const result = exec.call(this, sql)
  if (sql === 'COMMIT') transactions.push({ rows: changesOf(this) - this.began.rows, cpuMs: cpuMs() - this.began.cpu })
  return result
}
const changesOf = (database) => Number(database.prepare('SELECT total_changes() AS n').get().n)

process.on('exit', () => console.error(`transactions ${JSON.stringify(transactions)}`))
