/** `/logs/`: files below the machine's log folder, as Go's file server shows them (`enableSystemLogHandler`). */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join, normalize } from 'node:path'
import { pipeline } from 'node:stream/promises'

export async function serveNodeLogs(root: string, path: string, response: ServerResponse): Promise<void> {
  // A path that begins at the root cannot lead above it.
  const file = join(root, normalize(`/${path}`))
  const found = await stat(file).catch(() => undefined)
  if (found?.isDirectory()) {
    const entries = await readdir(file, { withFileTypes: true })
    const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort()
    const lines = names.map((name) => `<a href="${encodeURI(name)}">${escaped(name)}</a>\n`)
    const text = `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join('')}</pre>\n`
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(text)
  } else if (found?.isFile()) {
    response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': found.size })
    await pipeline(createReadStream(file, { end: Math.max(0, found.size - 1) }), response)
  } else response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('404 page not found\n')
}

function escaped(name: string): string {
  return name.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
