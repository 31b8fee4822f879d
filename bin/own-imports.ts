/**
 * Resolves imports between Nami's own files without searching for a package.json at each, which is half the time that the
 * server's hundreds of files take to load; and leads `node:http` to the part of it that is used (`node-http.ts`).
 */
import { registerHooks } from 'node:module'

const root = new URL('..', import.meta.url).href
const source = `${root}src/`
const own = [source, `${root}bin/`]
const http = `${root}bin/node-http.ts`

registerHooks({
  resolve(specifier, context, next) {
    const url = ownUrl(specifier, context.parentURL)
    return url ? { url, format: 'module-typescript', shortCircuit: true } : next(specifier, context)
  },
})

function ownUrl(specifier: string, importer: string | undefined): string | undefined {
  if (!own.some((folder) => importer?.startsWith(folder))) return undefined
  if (specifier === 'node:http') return http
  if (!specifier.endsWith('.ts')) return undefined
  if (specifier.startsWith('#')) return source + specifier.slice(1)
  return specifier.startsWith('.') ? new URL(specifier, importer).href : undefined
}
