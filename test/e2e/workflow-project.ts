/** A small application in a git repository of its own, with a remote, as the workflow's tests need it. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bed } from '#testing/bed.ts'
import type { Ran } from '#testing/bed-run.ts'

const nami = fileURLToPath(new URL('../../bin/nami.ts', import.meta.url))

export interface TestProject {
  readonly name: string
  readonly directory: string
  /** `nami ...` in the project's folder, whatever comes out. */
  tries(words: string, options?: { stdin?: string; env?: Record<string, string> }): Promise<Ran>
  /** What it printed on standard output; throws when it fails. */
  nami(words: string, options?: { stdin?: string; env?: Record<string, string> }): Promise<string>
  /** Exit code and standard error of what must fail. */
  fails(words: string): Promise<{ code: number | null; stderr: string }>
  git(...args: string[]): Promise<string>
  read(file: string): string
  write(file: string, text: string): void
  /** Commits everything, and pushes the branch. Answers the commit. */
  commit(message: string): Promise<string>
  /** The words behind `nami` as bed.start takes them. */
  command(words: string): string[]
  /** The application's answer in a namespace. */
  ask(namespace: string): Promise<{ version: string; colour?: string; token?: number }>
  url(namespace: string): Promise<string>
}

/** Answers with its version and values; `migrate.js CODE` ends with that code. */
const files: Readonly<Record<string, string>> = {
  'server.js': `const { createServer } = require('node:http')
const { readFileSync } = require('node:fs')
const version = readFileSync(__dirname + '/version', 'utf8').trim()
if (version.startsWith('bad')) process.exit(3)
const { COLOUR: colour, TOKEN, HOSTNAME: pod } = process.env
const server = createServer((request, response) => {
  if (process.ending) response.setHeader('connection', 'close')
  response.end(JSON.stringify({ version, colour, token: TOKEN?.length, pod }))
})
server.listen(process.env.PORT)
process.on('SIGTERM', () => { process.ending = true; server.close(() => process.exit(0)); server.closeIdleConnections() })
`,
  'migrate.js': `console.log('migrating as', process.env.COLOUR)
process.exit(Number(process.argv[2] ?? 0))
`,
}

export async function makeProject(bed: Bed, name: string): Promise<TestProject> {
  const directory = join(bed.directory, 'projects', name)
  mkdirSync(directory, { recursive: true })
  const run = (program: string, args: readonly string[], options: { stdin?: string; env?: Record<string, string> } = {}) =>
    bed.run(program, args, { cwd: directory, timeout: 180_000, ...options, env: { USER: 'ann', ...options.env } })
  const git = async (...args: string[]) => {
    const { code, stdout, stderr } = await run('git', ['-c', 'user.name=ann', '-c', 'user.email=ann@example.com', ...args])
    assert.equal(code, 0, `git ${args.join(' ')}: ${stderr}`)
    return stdout.trim()
  }
  const command = (words: string) => [nami, ...split(words), '--data-dir', bed.dataDir]
  const tries: TestProject['tries'] = (words, options) => run(process.execPath, command(words), options)
  const url = async (namespace: string) => {
    const { stdout } = await bed.kubectl('get', 'service', `${name}-web`, '-n', namespace, '-o', 'jsonpath={.spec.clusterIP}')
    return `http://${stdout}/`
  }
  const project: TestProject = {
    ...{ name, directory, tries, git, command, url },
    async nami(words, options) {
      const { code, stdout, stderr } = await tries(words, options)
      assert.equal(code, 0, `nami ${words}: ${stdout}${stderr}`)
      return stdout
    },
    async fails(words) {
      const { code, stdout, stderr } = await tries(words)
      assert.notEqual(code, 0, `nami ${words} ought to fail, and printed ${stdout}${stderr}`)
      return { code, stderr }
    },
    read: (file) => readFileSync(join(directory, file), 'utf8'),
    write: (file, text) => writeFileSync(join(directory, file), text),
    async commit(message) {
      await git('add', '-A')
      await git('commit', '-q', '-m', message)
      await git('push', '-q', 'origin', 'main')
      return git('rev-parse', 'HEAD')
    },
    ask: async (namespace) => JSON.parse(await bed.get(await url(namespace))),
  }
  for (const [file, text] of Object.entries(files)) project.write(file, text)
  project.write('package.json', JSON.stringify({ name, scripts: { start: 'node server.js' } }))
  project.write('version', '1\n')
  await git('init', '-q', '-b', 'main')
  await git('init', '-q', '--bare', `../${name}.git`)
  await git('remote', 'add', 'origin', `../${name}.git`)
  return project
}

/** Words, with single quotes around those that hold spaces. */
function split(words: string): string[] {
  return [...words.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}
