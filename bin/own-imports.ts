/**
 * Resolves imports between Nami's own files without searching for a package.json at each, which is half the time that the
 * server's hundreds of files take to load.
 */
import { registerHooks } from 'node:module'

const root = new URL('..', import.meta.url).href
const source = `${root}src/`
const own = [source, `${root}bin/`]

registerHooks({
  resolve(specifier, context, next) {
    const url = ownUrl(specifier, context.parentURL)
    return url ? { url, format: 'module-typescript', shortCircuit: true } : next(specifier, context)
  },
})

function ownUrl(specifier: string, importer: string | undefined): string | undefined {
  if (!specifier.endsWith('.ts') || !own.some((folder) => importer?.startsWith(folder))) return undefined
  if (specifier.startsWith('#')) return source + specifier.slice(1)
  return specifier.startsWith('.') ? new URL(specifier, importer).href : undefined
}
