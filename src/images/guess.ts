/** Where an application listens and says that it is well, guessed from its source: a wrong guess costs a line in a manifest. */
import { readFile } from 'node:fs/promises'
import type { ContextEntry } from './context.ts'

export interface Guess {
  readonly port?: number
  readonly health?: string
}

const isSource = /\.(m?[jt]s|cjs|py)$/
const isTest = /(^|\/)(test|tests|spec|__tests__)\/|\.(test|spec)\./
/** Files looked into, those nearest to the top first. */
const most = 60
const largest = 200_000

const ports = [
  /\bPORT\b['"\])]*\s*(?:\?\?|\|\||,|or)\s*['"]?(\d{2,5})/,
  /\.listen\(\s*(\d{2,5})\b/,
  /\bport\s*[:=]\s*(\d{2,5})\b/i,
]
const healths = ['/healthz', '/health', '/readyz', '/livez', '/_health', '/up', '/ping', '/status']

export async function guess(entries: readonly ContextEntry[]): Promise<Guess> {
  const depth = (path: string) => path.split('/').length
  const files = entries
    .flatMap((entry) =>
      'file' in entry && isSource.test(entry.path) && !isTest.test(entry.path) && entry.size < largest ? [entry] : [],
    )
    .sort((a, b) => depth(a.path) - depth(b.path))
    .slice(0, most)
  const texts = await Promise.all(files.map(({ file }) => readFile(file, 'utf8')))
  const port = ports.map((pattern) => texts.map((text) => pattern.exec(text)?.[1]).find((found) => found)).find((found) => found)
  const health = healths.find((path) =>
    texts.some((text) => text.includes(`'${path}'`) || text.includes(`"${path}"`) || text.includes(`\`${path}\``)),
  )
  return { ...(port && Number(port) < 65_536 && { port: Number(port) }), ...(health && { health }) }
}
