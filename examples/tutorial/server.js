// A greeter that counts: each pod knows only what it has answered itself, which shows who answers.
import { createServer } from 'node:http'
import { hostname } from 'node:os'

const greeting = process.env.GREETING ?? 'Good morning'
let answered = 0

const server = createServer((request, response) => {
  if (request.url === '/healthz') return response.end('ok\n')
  answered++
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify({ greeting, pod: hostname(), answered })}\n`)
  console.log(`${answered}. ${request.method} ${request.url}`)
})

server.listen(8080, () => console.log('listening on 8080'))

process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
