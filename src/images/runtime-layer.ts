/**
 * The base of images for Node.js applications: this machine's own Node binary with the shared libraries it is linked to, BusyBox
 * for a shell and small tools, and the few files under /etc that programs look for. No registry is asked.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { ImageError } from './image.ts'
import type { Entry } from './layer.ts'

const run = promisify(execFile)

export interface RuntimeSources {
  /** Path of a Node binary for Linux. */
  readonly node: string
  /** Path of a static BusyBox. */
  readonly busybox: string
}

/** What runs without Node: a shell, small tools, the files that programs look for. */
export async function shellLayer({ busybox }: RuntimeSources): Promise<{ key: string; entries(): Promise<Entry[]> }> {
  const { size, mtimeMs } = await stat(busybox)
  return {
    key: `shell-1 ${size}/${Math.trunc(mtimeMs)}`,
    entries: async () => [...(await shellEntries(busybox)), ...(await systemFiles())],
  }
}

export async function runtimeEntries({ node, busybox }: RuntimeSources): Promise<Entry[]> {
  const libraries = await sharedLibraries(node)
  return [
    await fileEntry('usr/local/bin/node', node, 0o755),
    { path: 'usr/local/bin/npm', mode: 0o755, content: scriptRunner },
    ...(await Promise.all(libraries.map((path) => fileEntry(path.slice(1), path, 0o755)))),
    ...(await shellEntries(busybox)),
    ...(await systemFiles()),
  ]
}

/** `npm run`, `npm start` and `npm test`, without the forty megabytes of the rest. */
const scriptRunner = `#!/usr/local/bin/node
const { spawnSync } = require('node:child_process')
const { readFileSync } = require('node:fs')
const words = process.argv.slice(2).filter((word) => word !== '--silent' && word !== '-s')
const verb = words.shift()
const name = ['run', 'run-script'].includes(verb) ? words.shift() : { t: 'test' }[verb] ?? verb
if (words[0] === '--') words.shift()
const { scripts = {} } = JSON.parse(readFileSync('package.json', 'utf8'))
if (!['run', 'run-script', 'start', 'stop', 'restart', 'test', 't'].includes(verb) || !(name in scripts)) {
  console.error(verb in { run: 1, test: 1, start: 1 } ? 'npm error Missing script: "' + name + '"' : 'npm error this image runs the scripts of package.json: npm run NAME, npm start, npm test')
  process.exit(1)
}
const quoted = words.map((word) => " '" + word.replaceAll("'", "'\\\\''") + "'").join('')
const { env: own } = process
const env = { ...own, npm_lifecycle_event: name, PATH: process.cwd() + '/node_modules/.bin:' + own.PATH }
for (const one of ['pre' + name, name, 'post' + name]) {
  if (!(one in scripts)) continue
  const { status } = spawnSync('/bin/sh', ['-c', scripts[one] + (one === name ? quoted : '')], { stdio: 'inherit', env })
  if (status !== 0) process.exit(status ?? 1)
}
`

/** What decides whether a runtime layer made earlier is still the same. */
export async function runtimeKey({ node, busybox }: RuntimeSources): Promise<string> {
  const parts = await Promise.all([node, busybox].map((path) => stat(path)))
  return `runtime-3 ${parts.map(({ size, mtimeMs }) => `${size}/${Math.trunc(mtimeMs)}`).join(' ')}`
}

/** Paths of the libraries that the dynamic linker would load, the linker itself included; none for a static program. */
export async function sharedLibraries(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program]).catch((error) => {
    if (/not a dynamic executable/.test(`${error.stderr}${error.stdout}`)) return { stdout: '' }
    throw new ImageError('NotFound', `the libraries of ${program} cannot be listed`, { cause: error })
  })
  const missing = /^\s*(\S+) => not found/m.exec(stdout)
  if (missing) throw new ImageError('NotFound', `${program} needs ${missing[1]}, which this machine does not have`)
  return [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path]) => path as string)
}

export async function fileEntry(path: string, source: string, mode: number): Promise<Entry> {
  const file = await realpath(source)
  return { path, file, mode, size: (await stat(file)).size }
}

async function shellEntries(busybox: string): Promise<Entry[]> {
  const { stdout } = await run(busybox, ['--list'])
  const applets = stdout.split('\n').filter((name) => name && name !== 'busybox')
  return [
    await fileEntry('bin/busybox', busybox, 0o755),
    ...applets.map((name) => ({ path: `bin/${name}`, link: '/bin/busybox' })),
  ]
}

async function systemFiles(): Promise<Entry[]> {
  const certificates = '/etc/ssl/certs/ca-certificates.crt'
  return [
    {
      path: 'etc/passwd',
      content:
        'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000:node:/home/node:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
    },
    { path: 'etc/group', content: 'root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n' },
    { path: 'etc/nsswitch.conf', content: 'hosts: files dns\n' },
    { path: 'home/node', directory: true, uid: 1000, gid: 1000 },
    { path: 'root', directory: true, mode: 0o700 },
    { path: 'tmp', directory: true, mode: 0o1777 },
    ...(existsSync(certificates) ? [{ path: 'etc/ssl/certs/ca-certificates.crt', content: await readFile(certificates) }] : []),
  ]
}
