// The backend tier: keys and values over HTTP, kept in memory and in a file to which every change is appended.
//   GET /keys            all of them, as a JSON object
//   GET /keys/NAME       one value, or 404
//   PUT /keys/NAME       the body becomes the value
//   DELETE /keys/NAME
import { appendFileSync, existsSync, fsyncSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'

const port = Number(process.env.PORT ?? 8080)
const path = process.env.DATA_FILE ?? 'guestbook.log'

const values = replay()
const file = openSync(path, 'a')

const server = createServer(async (request, response) => {
  try {
    await answer(request, response)
  } catch (error) {
    response.writeHead(500).end(`${error.message}\n`)
  }
})

async function answer(request, response) {
  const [, first, name] = request.url.split('?')[0].split('/').map(decodeURIComponent)
  if (first === 'healthz') return response.end('ok\n')
  if (first !== 'keys') return response.writeHead(404).end('not found\n')
  if (name === undefined) return json(response, Object.fromEntries(values))
  if (request.method === 'PUT') {
    change({ name, value: await text(request) })
    return response.writeHead(204).end()
  }
  if (request.method === 'DELETE') {
    change({ name })
    return response.writeHead(204).end()
  }
  if (!values.has(name)) return response.writeHead(404).end('not found\n')
  response.end(values.get(name))
}

/** On disk first, then in memory: what was acknowledged is there after a restart of the container. */
function change(entry) {
  appendFileSync(file, `${JSON.stringify(entry)}\n`)
  fsyncSync(file)
  apply(values, entry)
}

function replay() {
  const found = new Map()
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []
  for (const line of lines) apply(found, JSON.parse(line))
  return found
}

function apply(map, { name, value }) {
  if (value === undefined) map.delete(name)
  else map.set(name, value)
}

function json(response, value) {
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify(value)}\n`)
}

server.listen(port, () => console.log(`${values.size} keys read from ${path}, listening on ${port}`))

process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
