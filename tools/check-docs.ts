/** Fails on Markdown that names what is not there: links, headings, files of the tree, commands of ours, npm scripts. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { report } from './report.ts'

const pages = globSync('**/*.md', { exclude: (path) => /(^|\/)(node_modules|\.git|\.cache)$/.test(path) }).sort()
const sources = globSync('{src,tools,bin,bench,test,docs,examples}/**/*')
const roots = ['src', 'tools', 'bin', 'bench', 'test', 'docs', 'examples', '.ci']
const folders = globSync('src/*').map((path) => basename(path))
const commands = namesIn('src/cli/commands.ts', /^ {2}'?([a-z_-]+)[a-z_ -]*'?: \{/gm).concat('help', 'version')
const scripts = existsSync('package.json') ? Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).scripts ?? {}) : []

function namesIn(file: string, pattern: RegExp): string[] {
  return existsSync(file) ? [...readFileSync(file, 'utf8').matchAll(pattern)].map(([, name]) => name as string) : []
}

function offencesOf(page: string): string[] {
  const text = readFileSync(page, 'utf8')
  const prose = text.replace(/^```.*?^```/gms, '')
  const lines = text.split('\n')
  const found = [
    ...[...prose.matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map(([, target = '']) => wrongLink(page, target)),
    ...[...prose.matchAll(/`([^`\n]+)`/g)].map(([, token = '']) => wrongPath(page, token)),
    ...[...text.matchAll(/(?:^|`|\s)\.\/nami ([a-z][a-z_-]*)/gm)].map(([, name = '']) => wrongCommand(name)),
    ...[...text.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name = '']) => wrongScript(name)),
  ].filter((one) => one !== undefined)
  return found.map(({ what, why }) => `${page}:${lines.findIndex((line) => line.includes(what)) + 1}: ${what}: ${why}`)
}

interface Wrong {
  readonly what: string
  readonly why: string
}

function wrongLink(page: string, target: string): Wrong | undefined {
  if (/^[a-z]+:/.test(target)) return undefined
  const [path = '', heading] = target.split('#')
  const file = path === '' ? page : normalize(join(dirname(page), path))
  if (!existsSync(file)) return { what: target, why: 'the link leads nowhere' }
  if (heading === undefined || !file.endsWith('.md')) return undefined
  return headingsOf(file).includes(heading) ? undefined : { what: target, why: `no such heading in ${file}` }
}

function headingsOf(file: string): string[] {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)
  return [...headings].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replace(/\s/g, '-'),
  )
}

/** Paths are what stands in backticks and ends like a file of ours or begins like one of our folders; `<name>` stands for any name. */
function wrongPath(page: string, token: string): Wrong | undefined {
  const path = token
    .replace(/^#(?=\w+\/)/, 'src/')
    .replace(/^\.\//, '')
    .replace(/:\d+$/, '')
  if (!/^[\w.*{},<>-]+(\/[\w.*{},<>-]+)*\/?$/.test(path)) return undefined
  const isInTree = roots.includes(path.split('/')[0] ?? '') && path.includes('/')
  const isFile = /\.(ts|md|sh|proto)$/.test(path)
  if (!isInTree && !isFile && !(path.endsWith('/') && isOurFolder(page, path))) return undefined
  const pattern = path.replace(/<[^>]*>/g, '*').replace(/\/$/, '')
  const places = [pattern, join('src', pattern), join(dirname(page), pattern)]
  if (places.some((place) => globSync(place).length > 0)) return undefined
  const isBare = !path.includes('/')
  const below = page.startsWith('src/') ? `${dirname(page)}/` : ''
  const tail = new RegExp(`(^|/)${pattern.replace(/[.+^$()|[\]\\]/g, '\\$&').replace(/\*/g, '[^/]*')}$`)
  if ((isBare || isFile) && sources.some((file) => file.startsWith(below) && tail.test(file))) return undefined
  return { what: token, why: 'there is no such file' }
}

function isOurFolder(page: string, path: string): boolean {
  return folders.includes(path.split('/')[0] ?? '') || (/^[a-z-]+\/$/.test(path) && dirname(page).startsWith('src/'))
}

function wrongCommand(name: string): Wrong | undefined {
  return commands.length <= 2 || commands.includes(name) ? undefined : { what: `./nami ${name}`, why: 'there is no such command' }
}

function wrongScript(name: string): Wrong | undefined {
  return scripts.includes(name) ? undefined : { what: `npm run ${name}`, why: 'package.json has no such script' }
}

report('check-docs', pages.flatMap(offencesOf))
