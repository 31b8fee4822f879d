/** Makes the bundle that `bundled.ts` finds. Where its folder cannot be written there is none, and everything runs from its sources. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Metafile, type Plugin } from 'esbuild'
import { commands } from '#cli/commands.ts'
import { here, type Inputs, inputsFile } from './bundled.ts'

const { root, bundle } = here
/** How long a process that runs may still ask for a file of an older bundle. */
const kept = 30 * 24 * 3600 * 1000

/** What a module says of its place goes on to mean its source: workers and files lie beside that. */
const places: Plugin = {
  name: 'places',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      if (!text.includes('import.meta.')) return undefined
      return { contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)), loader: 'ts' }
    })
  },
}

/** An import would load all that hides behind their getters (see `own-imports.ts`), and build a module around each. */
const builtins: Plugin = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'builtin' }))
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}')`,
    }))
  },
}

const began = Date.now()
const next = `${bundle.slice(0, -1)}-${process.pid}/`
try {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: 'src/cli/main.ts' },
    outdir: next,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    packages: 'external',
    minifySyntax: true,
    metafile: true,
    logLevel: 'error',
    plugins: [places, builtins],
  })
  install(metafile)
} finally {
  rmSync(next, { recursive: true, force: true })
}

/** At no moment do inputs vouch for files that are not there. Names hold a hash of what is inside, except for that of main. */
function install(metafile: Metafile): void {
  mkdirSync(bundle, { recursive: true })
  for (const name of readdirSync(next)) if (!existsSync(bundle + name)) renameSync(next + name, bundle + name)
  rmSync(`${bundle}inputs`, { recursive: true, force: true })
  if (existsSync(`${next}main.mjs`)) renameSync(`${next}main.mjs`, `${bundle}main.mjs`)
  mkdirSync(`${next}inputs`)
  const imports = metafile.inputs['src/cli/commands.ts']?.imports.filter(({ kind }) => kind === 'dynamic-import') ?? []
  const names = Object.keys(commands)
  if (imports.length !== names.length) throw new Error(`${names.length} commands, ${imports.length} files of commands`)
  for (const [i, name] of names.entries()) {
    const inputs = inputsOf(metafile, ['src/cli/main.ts', 'src/cli/commands.ts', (imports[i] as { path: string }).path])
    writeFileSync(next + inputsFile(name.split(' ')), JSON.stringify(inputs))
  }
  renameSync(`${next}inputs`, `${bundle}inputs`)
  removeOld(new Set(Object.keys(metafile.outputs).map((path) => basename(path))))
}

/** Of these files and all that they may import, now or later, except for other commands. */
function inputsOf(metafile: Metafile, files: readonly string[]): Inputs {
  const found = new Set<string>()
  const visit = (path: string) => {
    if (found.has(path) || !path.startsWith('src/')) return
    found.add(path)
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
