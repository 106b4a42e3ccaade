// The contacts API of the benchmark, in a process of its own: it takes everything at once, or nothing while it is down.
import { createServer } from 'node:http'

let isDown = false
let calls = 0
const ids = new Set()

const answer = (response, status, body) => {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
}

const server = createServer((request, response) => {
  let text = ''
  request.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  request.on('end', () => {
    if (isDown) return answer(response, 503, '{}')
    calls++
    const { external_id } = JSON.parse(text)
    ids.add(external_id)
    answer(response, 200, JSON.stringify({ _id: 'contact_01', external_id }))
  })
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('message', (order) => {
  if ('isDown' in order) isDown = order.isDown
  if (order.clear) ids.clear()
  process.send({ calls, people: ids.size })
})
process.on('disconnect', () => process.exit())
