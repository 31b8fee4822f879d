// Answers every request with the name of the pod it runs in, and ends politely when it is asked to.
import { createServer } from 'node:http'
import { hostname } from 'node:os'

const port = Number(process.env.PORT ?? 8080)

let isEnding = false

const server = createServer((request, response) => {
  if (isEnding) response.setHeader('connection', 'close')
  if (request.url === '/healthz') return response.end('ok\n')
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify({ hello: process.env.GREETING ?? 'world', pod: hostname() })}\n`)
})

server.listen(port, () => console.log(`listening on ${port}`))

// A client may be sending on a connection that it keeps open: each learns with an answer that it was the last one there.
process.on('SIGTERM', () => {
  console.log('finishing open requests')
  isEnding = true
  setTimeout(() => server.close(() => process.exit(0)), 1000)
})
