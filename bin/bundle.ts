/** Makes the bundle that `bundled.ts` finds. Where its folder cannot be written there is none, and everything runs from its sources. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { builtinModules, createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild'
import { commands } from '#cli/commands.ts'
import { here, type Inputs, inputsFile } from './bundled.ts'

const { root, bundle } = here
/** How long a command that runs may still ask for a part of an older bundle; what runs for long has all in one file. */
const kept = 3600 * 1000

/** The program of a thread, in one file of its own. */
interface Thread {
  /** Its name in the bundle, with a hash of what is inside: who runs starts the thread that it was made with. */
  readonly file: string
  readonly sources: readonly string[]
}

/** By the path of their sources, and, by that of the module that starts them, where a command that may load it finds out about them. */
const threads = new Map<string, Promise<Thread>>()
const starters = new Map<string, Thread[]>()

const threadStart = /new Worker\(new URL\('\.\/([\w-]+\.ts)', import\.meta\.url\)/g

/** What a module says of its place goes on to mean its source, where files lie beside it; threads are in the bundle. */
const places: Plugin = {
  name: 'places',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
      const text = readFileSync(path, 'utf8')
      if (!text.includes('import.meta.')) return undefined
      const started = new Map<string, Thread>()
      for (const [, name = ''] of text.matchAll(threadStart)) started.set(name, await threadOf(join(dirname(path), name)))
      if (started.size > 0) starters.set(relative(root, path), [...started.values()])
      const bundled = text.replace(threadStart, (_, name: string) => {
        const { file } = started.get(name) as Thread
        return `new Worker(new URL(${JSON.stringify(pathToFileURL(bundle + file).href)})`
      })
      return { contents: bundled.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)), loader: 'ts' }
    })
  },
}

/** An import would load all that hides behind their getters (see `own-imports.ts`), and build a module around each: only what is named is taken. */
const builtins: Plugin = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: new RegExp(`^(node:.*|${builtinModules.join('|')})$`) }, ({ path, kind }) => {
      // One that is imported later is loaded then, with all its names.
      if (kind === 'dynamic-import') return { path, external: true }
      return { path, namespace: kind === 'import-statement' ? 'builtin' : 'required' }
    })
    onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}')`,
    }))
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => {
      const lines = namesOf(process.getBuiltinModule(path)).map(
        (name) => `export const ${name} = /* @__PURE__ */ (() => all.${name})()`,
      )
      return { contents: [`const all = process.getBuiltinModule('${path}')`, 'export default all', ...lines].join('\n') }
    })
  },
}

/**
 * One package of many small files that most processes load comes along; all others stay where they are, and are loaded when something of them is
 * used for the first time.
 */
const packages: Plugin = {
  name: 'packages',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^.#/]/ }, ({ path, importer, kind }) => {
      if (path === 'yaml' || path.startsWith('src/') || importer.includes('/node_modules/')) return undefined
      return kind === 'dynamic-import' ? { path, external: true } : { path, namespace: 'package' }
    })
    onLoad({ filter: /.*/, namespace: 'package' }, ({ path }) => {
      const names = namesOf(usedLater(path))
      if (names.length === 0) return { contents: `module.exports = packageRequire('${path}')` }
      const getters = names.map((name) => `get ${name}() { return load().${name} }`)
      return {
        contents: `let all; const load = () => (all ??= packageRequire('${path}')); module.exports = { ${getters.join(', ')} }`,
      }
    })
  },
}

const packageRequire = createRequire(import.meta.url)

/** Functions of which only what hangs on them is used. */
const named = ['ws']

/** What is imported for its effect, is itself a function, or does not load by itself, has to be there at once. */
function usedLater(path: string): object | undefined {
  try {
    const all: unknown = packageRequire(path)
    return typeof all === 'object' || named.includes(path) ? (all as object) : undefined
  } catch {
    return undefined
  }
}

function namesOf(module: object | undefined): string[] {
  return Object.keys(module ?? {}).filter((name) => name !== 'default' && /^[A-Za-z_$][\w$]*$/.test(name))
}

/** Leaves out all commands but one. */
function onlyCommand(file: string): Plugin {
  return {
    name: 'only-command',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\/commands\// }, ({ path }) =>
        `src/cli/${path.slice(2)}` === file ? undefined : { path, external: true },
      )
    },
  }
}

const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  banner: { js: "import { createRequire } from 'node:module'; const packageRequire = createRequire(import.meta.url);" },
  metafile: true,
  logLevel: 'error',
} as const satisfies BuildOptions
const plugins = [places, builtins, packages]
/** These start often, or have to start quickly, or run for long: each has one file with everything. */
const quick = ['up', 'status', 'server', 'agent']

function threadOf(path: string): Promise<Thread> {
  let thread = threads.get(path)
  if (!thread) threads.set(path, (thread = buildThread(path)))
  return thread
}

async function buildThread(path: string): Promise<Thread> {
  const { metafile } = await build({
    ...common,
    entryPoints: [path],
    outdir: next,
    entryNames: 'thread-[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    plugins,
  })
  const [output = ''] = Object.keys(metafile.outputs)
  const own = Object.keys(metafile.inputs).filter((source) => source.startsWith('src/'))
  const inner = own.flatMap((source) => starters.get(source) ?? [])
  return { file: basename(output), sources: [...own, ...inner.flatMap(({ sources }) => sources)] }
}

const began = Date.now()
const next = `${bundle.slice(0, -1)}-${process.pid}/`
try {
  const { metafile } = await build({
    ...common,
    entryPoints: { main: 'src/cli/main.ts' },
    outdir: next,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    plugins,
  })
  const files = filesOf(metafile)
  const builds = quick.map((name) => {
    const own = onlyCommand(files.get(name) as string)
    return build({ ...common, entryPoints: ['src/cli/main.ts'], outfile: `${next}${name}.mjs`, plugins: [own, ...plugins] })
  })
  await Promise.all(builds)
  install(metafile, files)
} finally {
  rmSync(next, { recursive: true, force: true })
}

/** The file of each command. */
function filesOf(metafile: Metafile): Map<string, string> {
  const imports = metafile.inputs['src/cli/commands.ts']?.imports.filter(({ kind }) => kind === 'dynamic-import') ?? []
  const names = Object.keys(commands)
  if (imports.length !== names.length) throw new Error(`${names.length} commands, ${imports.length} files of commands`)
  return new Map(names.map((name, i) => [name, (imports[i] as { path: string }).path]))
}

/** At no moment do inputs vouch for files that are not there. Names of parts hold a hash of what is inside. */
function install(metafile: Metafile, files: ReadonlyMap<string, string>): void {
  mkdirSync(`${next}inputs`)
  for (const [name, file] of files) {
    const main = quick.includes(name) ? `${name}.mjs` : 'main.mjs'
    const inputs: Inputs = { main, sources: sourcesOf(metafile, ['src/cli/main.ts', 'src/cli/commands.ts', file]) }
    writeFileSync(next + inputsFile(name.split(' ')), JSON.stringify(inputs))
  }
  mkdirSync(bundle, { recursive: true })
  const entries = new Set(['main.mjs', ...quick.map((name) => `${name}.mjs`)])
  for (const name of readdirSync(next)) {
    if (name !== 'inputs' && !entries.has(name) && !existsSync(bundle + name)) renameSync(next + name, bundle + name)
  }
  rmSync(`${bundle}inputs`, { recursive: true, force: true })
  for (const name of entries) renameSync(next + name, bundle + name)
  renameSync(`${next}inputs`, `${bundle}inputs`)
  const parts = Object.keys(metafile.outputs).map((path) => basename(path))
  const ofThreads = [...starters.values()].flat().map(({ file }) => file)
  removeOld(new Set([...entries, ...parts, ...ofThreads]))
}

/** Of these files and all that they may import, now or later, except for other commands. */
function sourcesOf(metafile: Metafile, files: readonly string[]): Inputs['sources'] {
  const found = new Set<string>()
  const visit = (path: string) => {
    if (found.has(path) || !path.startsWith('src/')) return
    found.add(path)
    for (const { sources } of starters.get(path) ?? []) for (const source of sources) found.add(source)
    for (const { path: next, kind } of metafile.inputs[path]?.imports ?? []) {
      if (path !== 'src/cli/commands.ts' || kind !== 'dynamic-import') visit(next)
    }
  }
  for (const file of files) visit(file)
  return [...found].map((path) => {
    const { size, mtimeMs } = statSync(root + path)
    if (mtimeMs >= began) throw new Error(`${path} changed in the meantime`)
    return [path, size, mtimeMs]
  })
}

function removeOld(current: ReadonlySet<string>): void {
  for (const name of readdirSync(bundle)) {
    if (name.endsWith('.mjs') && !current.has(name) && Date.now() - statSync(bundle + name).mtimeMs > kept) rmSync(bundle + name)
  }
}
