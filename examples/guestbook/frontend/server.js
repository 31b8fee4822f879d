// The frontend tier: shows what visitors wrote, and takes new lines. Keeps nothing itself, so that any number of it may run.
//   GET /    a page for browsers, JSON for everybody else
//   POST /   a form with `name` and `message`
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { hostname } from 'node:os'
import { text } from 'node:stream/consumers'

const port = Number(process.env.PORT ?? 8080)
const backend = process.env.BACKEND_URL ?? 'http://localhost:8081'

const server = createServer(async (request, response) => {
  if (request.url === '/healthz') return response.end('ok\n')
  try {
    if (request.method === 'POST') await sign(request, response)
    else await show(request, response)
  } catch (error) {
    response.writeHead(502).end(`${backend} does not answer: ${error.cause?.message ?? error.message}\n`)
  }
})

async function sign(request, response) {
  const form = new URLSearchParams(await text(request))
  const entry = { at: new Date().toISOString(), name: form.get('name') || 'somebody', message: form.get('message') ?? '' }
  const answer = await fetch(`${backend}/keys/${entry.at}-${randomUUID()}`, { method: 'PUT', body: JSON.stringify(entry) })
  if (!answer.ok) throw new Error(`status ${answer.status}`)
  response.writeHead(303, { location: '/' }).end()
}

async function show(request, response) {
  const answer = await fetch(`${backend}/keys`)
  if (!answer.ok) throw new Error(`status ${answer.status}`)
  const keys = Object.entries(await answer.json()).sort(([a], [b]) => (a < b ? 1 : -1))
  const entries = keys.map(([, value]) => JSON.parse(value))
  if (request.headers.accept?.includes('text/html')) {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    return response.end(page(entries))
  }
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify({ pod: hostname(), entries })}\n`)
}

function page(entries) {
  const rows = entries.map(({ at, name, message }) => `<li><b>${escaped(name)}</b> ${escaped(message)} <small>${at}</small></li>`)
  return `<!doctype html>
<title>Guestbook</title>
<h1>Guestbook</h1>
<form method="post"><input name="name" placeholder="name"> <input name="message" placeholder="message"> <button>Sign</button></form>
<ul>${rows.join('\n')}</ul>
<p>This page came from the pod ${hostname()}.</p>
`
}

function escaped(value) {
  return value.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

server.listen(port, () => console.log(`listening on ${port}, backend at ${backend}`))

process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
