// Answers every request with the name of the pod it runs in, and ends politely when it is asked to.
import { createServer } from 'node:http'
import { hostname } from 'node:os'

const port = Number(process.env.PORT ?? 8080)

const server = createServer((request, response) => {
  if (request.url === '/healthz') return response.end('ok\n')
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify({ hello: process.env.GREETING ?? 'world', pod: hostname() })}\n`)
})

server.listen(port, () => console.log(`listening on ${port}`))

process.on('SIGTERM', () => {
  console.log('finishing open requests')
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
