// What the proxy is measured beside: the bare Node adapter, which reads a JSON body and answers with it.
import { serve } from '@hono/node-server'

const server = serve(
  { fetch: async (request) => Response.json(await request.json()), port: 0, hostname: '127.0.0.1' },
  ({ port }) => process.send({ port }),
)
process.on('disconnect', () => server.close(() => process.exit()))
