/** `kubectl create`: objects out of files, and generators for the common kinds. */
import { boolean, list, text } from './command-line.ts'
import { pathOf } from './discovery.ts'
import { aggregate, KubectlError, usageError } from './errors.ts'
import { withLastApplied } from './last-applied.ts'
import { findTargets } from './resources.ts'
import { addSource, dryRunOf, dryRunQuery, resultFlags, resultPrinter } from './result.ts'
import { collect, statusError } from './session.ts'
import { fieldValidation, validateFlag } from './validation.ts'
import { defineVerb, type VerbCall, type Verbs } from './verb.ts'

const flags = {
  ...resultFlags,
  ...validateFlag,
  filename: list({ short: 'f' }),
  kustomize: text('', { short: 'k' }),
  recursive: boolean(false, { short: 'R' }),
  selector: text('', { short: 'l' }),
  'save-config': boolean(),
  edit: boolean(),
  raw: text(),
} as const

type Call = VerbCall<typeof flags>

const generators: Verbs = {
  namespace: () => import('./create/namespace.ts'),
  ns: () => import('./create/namespace.ts'),
  deployment: () => import('./create/deployment.ts'),
  deploy: () => import('./create/deployment.ts'),
  configmap: () => import('./create/config-map.ts'),
  cm: () => import('./create/config-map.ts'),
  secret: () => import('./create/secret.ts'),
  serviceaccount: () => import('./create/service-account.ts'),
  sa: () => import('./create/service-account.ts'),
  service: () => import('./create/service.ts'),
  svc: () => import('./create/service.ts'),
  role: () => import('./create/role.ts'),
  rolebinding: () => import('./create/role-binding.ts'),
  clusterrole: () => import('./create/cluster-role.ts'),
  clusterrolebinding: () => import('./create/cluster-role-binding.ts'),
  priorityclass: () => import('./create/priority-class.ts'),
  pc: () => import('./create/priority-class.ts'),
  token: () => import('./create/token.ts'),
}

export default defineVerb({
  usage: 'create -f FILENAME',
  summary: 'Create a resource from a file or from stdin',
  examples: ['create -f app.yaml', 'create deployment web --image=nginx', 'create namespace shop'],
  flags,
  verbs: generators,
  async run(call) {
    const { flags, args, path, session } = call
    if (flags.raw) return createRaw(call)
    if (args.length > 0) throw usageError(path, `Unexpected args: [${args.join(' ')}]`)
    if (flags.filename.length === 0) throw new KubectlError('must specify one of -f and -k')
    const { items } = await findTargets(session, {
      filename: flags.filename,
      recursive: flags.recursive,
      selector: flags.selector || undefined,
    })
    const print = resultPrinter(call)
    const dryRun = dryRunOf(call)
    const query = {
      fieldManager: flags['field-manager'] || 'kubectl-create',
      ...fieldValidation(flags.validate),
      ...dryRunQuery(dryRun),
    }
    const errors: unknown[] = []
    for (const { resource, namespace, manifest } of items) {
      const object = manifest?.object ?? {}
      const body = flags['save-config'] ? withLastApplied(object) : object
      try {
        const made = dryRun === 'client' ? body : await session.request('POST', pathOf(resource, { namespace }), { body, query })
        print(made, 'created')
      } catch (error) {
        errors.push(addSource('creating', manifest?.source, error))
      }
    }
    aggregate(errors)
  },
})

async function createRaw({ flags, session, terminal }: Call): Promise<void> {
  const [file] = flags.filename
  if (flags.filename.length !== 1 || file === undefined) throw new KubectlError('--raw can only use a single local file or stdin')
  const { readFileSync } = await import('node:fs')
  const body = file === '-' ? (await collect(terminal.stdin as AsyncIterable<any>)).toString() : readFileSync(file, 'utf8')
  const answer = await session.raw('POST', flags.raw, { body })
  const bytes = await collect(answer.body)
  if (answer.status >= 300) throw statusError(answer.status, bytes)
  terminal.stdout.write(bytes)
}
