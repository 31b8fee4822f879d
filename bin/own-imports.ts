/**
 * Resolves imports between Nami's own files without searching for a package.json at each, which is half the time that the server's hundreds of
 * files take to load; and spares them what some of Node's modules load only for the namespace that an import builds of all their exports: `fs`
 * and `util` 5 ms each for what nobody here names, `http` a whole HTTP library (undici), 50 ms and 5 MB in every process.
 */
import { registerHooks } from 'node:module'

const root = new URL('..', import.meta.url).href
const source = `${root}src/`
const own = [source, `${root}bin/`]
/** What is used of `util`, where even a look at what an export is loads it; of the others all that does not stand behind a getter. */
const costly: Readonly<Record<string, readonly string[] | undefined>> = {
  'node:fs': undefined,
  'node:http': undefined,
  'node:util': ['inspect', 'isDeepStrictEqual', 'parseArgs', 'promisify'],
}
const urls = new Map<string, string>()

registerHooks({
  resolve(specifier, context, next) {
    const url = ownUrl(specifier, context.parentURL)
    return url
      ? { url, format: 'module-typescript', shortCircuit: true }
      : (builtin(specifier, context.parentURL) ?? next(specifier, context))
  },
})

function isOwn(importer: string | undefined): importer is string {
  return importer !== undefined && own.some((folder) => importer.startsWith(folder))
}

function ownUrl(specifier: string, importer: string | undefined): string | undefined {
  if (!specifier.endsWith('.ts') || !isOwn(importer)) return undefined
  if (specifier.startsWith('#')) return source + specifier.slice(1)
  if (specifier.startsWith('./')) return importer.slice(0, importer.lastIndexOf('/') + 1) + specifier.slice(2)
  return specifier.startsWith('.') ? new URL(specifier, importer).href : undefined
}

function builtin(specifier: string, importer: string | undefined) {
  if (!(specifier in costly) || !isOwn(importer)) return undefined
  const url = urls.get(specifier) ?? narrowed(specifier)
  urls.set(specifier, url)
  return { url, format: 'module', shortCircuit: true }
}

/** A module of those exports alone. */
function narrowed(name: string): string {
  const names = costly[name] ?? plainExports(process.getBuiltinModule(name) ?? {})
  const text = `const all = process.getBuiltinModule('${name}'); export const { ${names.join(', ')} } = all; export default all`
  return `data:text/javascript,${encodeURIComponent(text)}`
}

function plainExports(module: object): string[] {
  const descriptors = Object.entries(Object.getOwnPropertyDescriptors(module))
  return descriptors.filter(([key, { get }]) => !get && key !== 'default' && /^[A-Za-z]\w*$/.test(key)).map(([key]) => key)
}
