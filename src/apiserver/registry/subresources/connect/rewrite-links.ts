/** Links in proxied pages: those that are absolute in the backend are led through the proxy (upstream `util/proxy/transport.go`). */
import type { IncomingMessage } from 'node:http'
import { posix } from 'node:path'
import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import type { Headers, Response } from '../../../request.ts'

export interface Links {
  /** The path that stands for the backend's root: `/api/v1/namespaces/default/services/web/proxy`. */
  readonly prefix: string
  /** Whose links are the backend's own: none named, its address, and the name that it was asked under. */
  readonly hosts: readonly string[]
}

/** Links to other hosts and relative ones stay. */
export function linkRewriter({ prefix, hosts }: Links): (link: string) => string {
  return (link) => {
    const [, host = '', path = '', rest = ''] = /^(?:(?:https?:)?\/\/([^/?#]*))?([^?#]*)(.*)$/is.exec(link) ?? []
    if (/^[a-z][a-z\d+.-]*:(?!\/\/)/i.test(link) || !path.startsWith('/') || !hosts.includes(host)) return link
    if (path.startsWith(prefix)) return `${path}${rest}`
    return `${posix.join(prefix, path)}${rest}`
  }
}

/** Pages are held whole to be rewritten; larger ones pass as they are. */
const largestPage = 16 * 1024 * 1024

/** A page as text; one that is too large, or packed in a way that we do not know, passes as it is. */
export async function rewritePage(message: IncomingMessage, headers: Headers, links: Links): Promise<Response> {
  const status = message.statusCode ?? 502
  const chunks: Uint8Array[] = []
  const more = (message as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  let size = 0
  for (let next = await more.next(); !next.done; next = await more.next()) {
    chunks.push(next.value)
    size += next.value.length
    if (size > largestPage) return { type: 'stream', status, headers, chunks: followedBy(chunks, more) }
  }
  const body = Buffer.concat(chunks, size)
  const page = await unpacked(body, message.headers['content-encoding'] ?? '')
  if (!page) return { type: 'bytes', status, bytes: body, headers }
  const { 'content-length': _, 'content-encoding': __, ...others } = headers
  const html = rewriteHtml(page.toString('latin1'), linkRewriter(links))
  return { type: 'bytes', status, bytes: Buffer.from(html, 'latin1'), headers: others }
}

async function* followedBy(first: readonly Uint8Array[], more: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* first
    for (let next = await more.next(); !next.done; next = await more.next()) yield next.value
  } finally {
    await more.return?.()
  }
}

const unpackers: Readonly<Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  '': async (body) => body,
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
}

/** Undefined for what is too large unpacked, or not what it says. */
async function unpacked(body: Buffer, encoding: string): Promise<Buffer | undefined> {
  const unpack = Object.hasOwn(unpackers, encoding) ? unpackers[encoding] : undefined
  return unpack?.(body, { maxOutputLength: largestPage }).catch(() => undefined)
}

/** Which attributes hold links, by tag. */
const attributes: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
}

const attribute = /(\s)([a-z][\w-]*)(\s*=\s*)(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi
/** Elements whose content is text to the last letter. */
const rawText = new Set(['script', 'style', 'textarea', 'title'])

/** Touches nothing but the values of links. Goes through the page once: what does not end hides the rest, as in a browser. */
export function rewriteHtml(html: string, rewrite: (link: string) => string): string {
  const lower = html.toLowerCase()
  const parts: string[] = []
  let done = 0
  for (let at = html.indexOf('<'); at >= 0; at = html.indexOf('<', at)) {
    if (html.startsWith('<!--', at)) {
      at = html.indexOf('-->', at + 4)
      if (at < 0) break
      continue
    }
    const name = tagName(lower, at)
    if (!name) {
      at++
      continue
    }
    const end = endOfTag(html, at)
    if (end < 0) break
    parts.push(html.slice(done, at), rewriteTag(html.slice(at, end), name, rewrite))
    done = at = end
    if (!rawText.has(name)) continue
    at = lower.indexOf(`</${name}`, end)
    if (at < 0) break
  }
  return parts.join('') + html.slice(done)
}

function tagName(lower: string, at: number): string | undefined {
  const name = /<([a-z][a-z\d]*)\b/y
  name.lastIndex = at
  return name.exec(lower)?.[1]
}

/** Behind the bracket that closes the tag, which no quoted one does; -1 where there is none. */
function endOfTag(html: string, start: number): number {
  for (let at = start; at < html.length; at++) {
    const char = html[at]
    if (char === '>') return at + 1
    if (char !== '"' && char !== "'") continue
    at = html.indexOf(char, at + 1)
    if (at < 0) return -1
  }
  return -1
}

function rewriteTag(tag: string, name: string, rewrite: (link: string) => string): string {
  const links = attributes[name.toLowerCase()]
  if (!links) return tag
  return tag.replace(attribute, (whole, space, key, equals, double, single, bare) => {
    if (!links.includes(key.toLowerCase())) return whole
    const link = double ?? single ?? bare
    const rewritten = rewrite(link)
    return rewritten === link ? whole : `${space}${key}${equals}"${rewritten.replaceAll('"', '&#34;')}"`
  })
}
