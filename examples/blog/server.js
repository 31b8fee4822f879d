// A blog: posts for everybody, and a form for who knows the editor's password. Keeps nothing itself, so that any number of it may run.
//   GET /        the newest posts     GET /write   the form     GET /healthz   whether the database answers
//   GET /SLUG    one post             POST /write  publishes    GET /feed      the posts as JSON
import { timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { openDatabase } from './database.js'

const { PORT: port = '8080', DATABASE_HOST: host = '127.0.0.1', BLOG_PASSWORD: password = '', EDITOR_PASSWORD = '' } = process.env
const title = process.env.BLOG_TITLE ?? 'A blog'

let opening

/** One connection, made anew when it is lost. */
function database() {
  opening ??= open().catch((error) => {
    opening = undefined
    throw error
  })
  return opening
}

async function open() {
  const one = await openDatabase({ host, user: 'blog', password, database: 'blog' })
  one.closed.then(() => (opening = undefined))
  await one.sql(`CREATE TABLE IF NOT EXISTS posts (
    slug VARCHAR(100) PRIMARY KEY, title TEXT NOT NULL, body MEDIUMTEXT NOT NULL, published DATETIME(3) NOT NULL DEFAULT NOW(3))`)
  return one
}

const routes = {
  'GET /': async (_, response) =>
    send(response, 200, page(title, (await posts()).map(summary).join('') || '<p>Nothing yet.</p>')),
  'GET /feed': async (_, response) => send(response, 200, JSON.stringify({ title, posts: await posts() }), 'application/json'),
  'GET /write': async (_, response) => send(response, 200, page('Write', form)),
  'POST /write': publish,
  async 'GET /healthz'(_, response) {
    await (await database()).sql('SELECT 1')
    send(response, 200, 'ok\n', 'text/plain')
  },
}

const server = createServer(async (request, response) => {
  if (isEnding) response.setHeader('connection', 'close')
  try {
    await (routes[`${request.method} ${request.url}`] ?? show)(request, response)
  } catch (error) {
    send(response, 503, `The database does not answer: ${error.message}\n`, 'text/plain')
  }
})

async function posts() {
  return (await database()).sql('SELECT slug, title, body, published FROM posts ORDER BY published DESC LIMIT 20')
}

async function show({ url }, response) {
  const [post] = await (await database()).sql('SELECT * FROM posts WHERE slug = ?', url.slice(1))
  if (!post) return send(response, 404, page('Not found', '<p>There is no such post.</p>'))
  const paragraphs = post.body.split(/\n{2,}/).map((one) => `<p>${escaped(one)}</p>`)
  send(response, 200, page(post.title, `<time>${post.published}</time>${paragraphs.join('')}`))
}

async function publish(request, response) {
  const form = new URLSearchParams(await text(request))
  if (!isEditor(form.get('password') ?? '')) return send(response, 403, 'That is not the password.\n', 'text/plain')
  const name = form.get('title')?.trim()
  if (!name) return send(response, 400, 'A post needs a title.\n', 'text/plain')
  const slug =
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 100) || 'post'
  const statement =
    'INSERT INTO posts (slug, title, body) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE title = VALUES(title), body = VALUES(body)'
  await (await database()).sql(statement, slug, name, form.get('body') ?? '')
  response.writeHead(303, { location: `/${slug}` }).end()
}

function isEditor(given) {
  const [a, b] = [Buffer.from(given), Buffer.from(EDITOR_PASSWORD)]
  return b.length > 0 && a.length === b.length && timingSafeEqual(a, b)
}

function send(response, status, body, type = 'text/html') {
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(body)
}

const form = `<form method=post><p><input name=title placeholder=Title><p><textarea name=body rows=12 cols=70></textarea>
<p><input name=password type=password placeholder=Password> <button>Publish</button></form>`

const summary = ({ slug, title, body, published }) =>
  `<article><h2><a href="/${slug}">${escaped(title)}</a></h2><time>${published}</time><p>${escaped(body.slice(0, 200))}</article>`

const page = (name, body) =>
  `<!doctype html><html lang=en><meta charset=utf-8><title>${escaped(name)}</title><h1>${escaped(name)}</h1>${body}<p><a href=/>All posts</a></html>\n`

const escaped = (value) => value.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`)

server.listen(Number(port), () => console.log(`listening on ${port}`))

// Who keeps a connection open learns with an answer that it was the last one there.
let isEnding = false
process.on('SIGTERM', () => {
  isEnding = true
  setTimeout(() => server.close(() => process.exit(0)), 1000)
})
