/** Fails when a folder of src/ imports something it may not know. Read it as the architecture (ARCHITECTURE.md draws it). */
import { globSync, readFileSync } from 'node:fs'
import { report } from './report.ts'

const component = ['client', 'api', 'schema', 'lib']

const mayImport: Record<string, readonly string[]> = {
  lib: [],
  images: ['lib'],
  schema: ['lib'],
  api: ['schema', 'lib'],
  store: ['schema', 'lib'],
  client: ['api', 'schema', 'lib'],
  apiserver: ['store', 'client', 'api', 'schema', 'lib'],
  controllers: component,
  scheduler: component,
  kubelet: [...component, 'images'],
  network: component,
  simulate: component,
  workflow: [...component, 'images'],
  cluster: [...component, 'store', 'apiserver', 'controllers', 'scheduler', 'kubelet', 'network', 'simulate', 'images'],
  cli: [...component, 'images', 'cluster', 'workflow'],
}

/** Rules finer than a folder: who may import which file, and why. */
const narrow: readonly { readonly from: string; readonly to: RegExp; readonly only: RegExp; readonly why: string }[] = [
  {
    from: 'apiserver',
    to: /^client\//,
    only: /^client\/(client|typed-client)\.ts$/,
    why: 'the API server knows the interface of the client, not its transports and informers',
  },
  {
    from: 'store',
    to: /^schema\//,
    only: /^schema\/json\.ts$/,
    why: 'the store knows bytes and JSON, not objects',
  },
]

function offencesOf(file: string): string[] {
  const [, from = ''] = file.split('/')
  const allowed = mayImport[from]
  if (!allowed) return [`${file}: folder src/${from} has no line in tools/check-imports.ts`]
  const imports = readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'#([^']+)'/g)
  return [...imports].flatMap(([, target = '']) => {
    const to = target.split('/')[0] ?? ''
    if (to === from) return []
    if (!allowed.includes(to)) return [`${file}: ${from} may not import ${to}`]
    return narrow
      .filter((rule) => rule.from === from && rule.to.test(target) && !rule.only.test(target))
      .map(({ why }) => `${file}: imports ${target}, but ${why}`)
  })
}

const files = globSync('src/**/*.ts').filter((file) => !/\.test\.ts$|^src\/testing\/|\/conformance(\.ts$|\/)/.test(file))
report('check-imports', files.flatMap(offencesOf))
