// `orq-identify proxy` whose store lets SQLite sync as SYNCHRONOUS says.
import { DatabaseSync } from 'node:sqlite'

const exec = DatabaseSync.prototype.exec
DatabaseSync.prototype.exec = function (sql) {
  const changed = sql.replace(/(synchronous = )FULL/, `$1${process.env.SYNCHRONOUS}`)
  if (/synchronous = /.test(sql) && changed === sql && process.env.SYNCHRONOUS !== 'FULL')
    throw new Error('the store sets it in another way now')
  return exec.call(this, changed)
}
await import('../../dist/cli.js')
