// The proxy of `orq-identify proxy`, which kills itself at the point that POINT names when a contact "victim" is written.
import { DatabaseSync } from 'node:sqlite'
import { serve, sqlite } from '../../dist/node.js'
import { jwt } from '../../dist/server.js'

const { POINT: point, ORQ_API_KEY: apiKey, ORQ_SERVER_URL: serverUrl, ORQ_TOKEN_SECRET: secret } = process.env
const die = () => process.kill(process.pid, 'SIGKILL')
const isVictim = ({ externalId }) => externalId === 'victim'

let diesAtCommit = false
const exec = DatabaseSync.prototype.exec
DatabaseSync.prototype.exec = function (sql) {
  if (diesAtCommit && sql === 'COMMIT') die()
  return exec.call(this, sql)
}

const file = sqlite({ path: 'orq.db' })
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
  onEvent: ({ type }) => {
    // The recorder is slow then: the call is on the wire.
    if (type === 'put' && point === 'during upstream call') setTimeout(die, 100)
  },
})
console.log(`Open ${server.url}\nHealth at ${server.adminUrl}`)
