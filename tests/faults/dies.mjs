// The proxy of `orq-identify proxy`, which gets a signal at the point that POINT names when a contact "victim" is written:
// SIGKILL, or SIGNAL, at the first time that it comes there.
import { DatabaseSync } from 'node:sqlite'
import { serve, sqlite } from '../../dist/node.js'
import { jwt } from '../../dist/server.js'

const { POINT: point, ORQ_API_KEY: apiKey, ORQ_SERVER_URL: serverUrl, ORQ_TOKEN_SECRET: secret } = process.env
let isOver = false
const die = () => {
  if (!isOver) process.kill(process.pid, process.env.SIGNAL ?? 'SIGKILL')
  isOver = true
}
const isVictim = ({ externalId }) => externalId === 'victim'

let diesAtCommit = false
const exec = DatabaseSync.prototype.exec
DatabaseSync.prototype.exec = function (sql) {
  if (diesAtCommit && sql === 'COMMIT') die()
  return exec.call(this, sql)
}

// Shared: should the lock on the file ever be of no use, leases still keep two proxies apart.
const file = sqlite({ path: 'orq.db', shared: true })
const store = {
  ...file,
  put: async (update, options) => {
    if (isVictim(update) && point === 'before commit') diesAtCommit = true
    const result = await file.put(update, options)
    if (isVictim(update) && point === 'after commit, before reply') die()
    return result
  },
  done: (claim) => {
    if (isVictim(claim) && point === 'after upstream ok, before delete') die()
    if (isVictim(claim) && point === 'during delete') diesAtCommit = true
    return file.done(claim)
  },
}

const server = await serve({
  verify: jwt({ secret }),
  upstream: { apiKey, serverUrl },
  store,
  host: '127.0.0.1',
  port: 0,
  adminPort: 0,
})
console.log(JSON.stringify({ event: 'started', url: server.url, adminUrl: server.adminUrl }))
