/** `kubectl delete`: deletes by name, file or selector, and waits until the objects are gone. */
import { hasReason } from '#schema/status-error.ts'
import { boolean, duration, integer, list, text } from './command-line.ts'
import { kindName } from './discovery.ts'
import { aggregate, KubectlError } from './errors.ts'
import { fetchObjects, findTargets, type Target } from './resources.ts'
import { addSource, dryRunOf, dryRunQuery } from './result.ts'
import { defineVerb, type VerbCall } from './verb.ts'
import { deleteObject, type Place, waitGone } from './wait-gone.ts'

const flags = {
  filename: list({ short: 'f' }),
  kustomize: text('', { short: 'k' }),
  recursive: boolean(false, { short: 'R' }),
  selector: text('', { short: 'l' }),
  'field-selector': text(),
  all: boolean(),
  'all-namespaces': boolean(false, { short: 'A' }),
  'ignore-not-found': boolean(),
  cascade: text('background', { bare: 'background' }),
  now: boolean(),
  force: boolean(),
  'grace-period': integer(-1),
  timeout: duration(),
  wait: boolean(true),
  output: text('', { short: 'o' }),
  'dry-run': text('none', { bare: 'unchanged' }),
} as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage: 'delete ([-f FILENAME] | TYPE [(NAME | -l label | --all)])',
  summary: 'Delete resources by file names, stdin, resources and names, or by resources and label selector',
  examples: ['delete pod web', 'delete -f app.yaml', 'delete pods,services -l app=web', 'delete pods --all'],
  flags,
  async run(call) {
    const { flags, session, out, err } = call
    const policy = policyOf(flags.cascade)
    const gracePeriod = graceOf(call)
    check(call, gracePeriod)
    const { items } = await findTargets(session, {
      args: call.args,
      filename: flags.filename,
      recursive: flags.recursive,
      selector: flags.selector || undefined,
      fieldSelector: flags['field-selector'] || undefined,
      all: flags.all,
      allNamespaces: flags['all-namespaces'],
    })
    if (gracePeriod === 0 && flags.force) {
      err(
        'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n',
      )
    }
    const deleted = await deleteAll(call, items, { gracePeriod, propagationPolicy: policy, query: dryRunQuery(dryRunOf(call)) })
    if (deleted.length === 0 && items.every(({ name }) => name === undefined)) {
      out('No resources found\n')
      return
    }
    if (!flags.wait || dryRunOf(call) !== 'none') return
    for (const { place, uid } of deleted)
      await waitGone(session, place, { uid, ...(flags.timeout > 0 && { timeout: flags.timeout }) })
  },
})

interface Deleted {
  readonly place: Place
  readonly uid: string | undefined
}

interface Options {
  readonly gracePeriod: number
  readonly propagationPolicy: string
  readonly query: Record<string, string>
}

async function deleteAll(call: Call, targets: readonly Target[], options: Options): Promise<Deleted[]> {
  const { flags, session, changed, err } = call
  const ignore =
    flags['ignore-not-found'] ||
    (!changed.has('ignore-not-found') && Boolean(flags.all || flags.selector || flags['field-selector']))
  const deleted: Deleted[] = []
  const errors: unknown[] = []
  let mayWarn = session.explicitNamespace
  for (const target of targets) {
    try {
      for (const place of await placesOf(call, target)) {
        if (mayWarn && !place.resource.namespaced) {
          err('Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n')
          mayWarn = false
        }
        const done = await deleteOne(call, target, place, options).catch((error) => {
          if (!ignore || !hasReason(error, 'NotFound')) errors.push(error)
        })
        if (done) deleted.push(done)
      }
    } catch (error) {
      if (!ignore || !hasReason(error, 'NotFound')) errors.push(error)
    }
  }
  aggregate(errors)
  return deleted
}

async function deleteOne(call: Call, target: Target, place: Place, options: Options): Promise<Deleted> {
  if (dryRunOf(call) === 'client') {
    report(call, place, options.gracePeriod)
    return { place, uid: undefined }
  }
  try {
    const uid = await deleteObject(call.session, place, options)
    report(call, place, options.gracePeriod)
    return { place, uid }
  } catch (error) {
    throw addSource('deleting', target.manifest?.source, error)
  }
}

async function placesOf({ session }: Call, target: Target): Promise<Place[]> {
  const { resource, namespace, name } = target
  if (name !== undefined) return [{ resource, namespace, name }]
  const places: Place[] = []
  for await (const info of fetchObjects(session, target)) places.push({ resource, namespace: info.namespace, name: info.name })
  return places
}

function report(call: Call, { resource, namespace, name }: Place, gracePeriod: number): void {
  const { flags, out } = call
  const kind = kindName(resource)
  if (flags.output === 'name') return out(`${kind}/${name}\n`)
  const dryRun = dryRunOf(call)
  const words = [
    gracePeriod === 0 ? 'force deleted' : 'deleted',
    resource.namespaced ? `from ${namespace} namespace` : '',
    dryRun === 'client' ? '(dry run)' : dryRun === 'server' ? '(server dry run)' : '',
  ]
  out(`${kind} "${name}" ${words.filter(Boolean).join(' ')}\n`)
}

function graceOf({ flags }: Call): number {
  let grace = flags['grace-period']
  if (flags.now) {
    if (grace !== -1) throw new KubectlError('--now and --grace-period cannot be specified together')
    grace = 1
  }
  if (grace === 0 && !flags.force) return 1
  return flags.force && grace < 0 ? 0 : grace
}

function check({ flags }: Call, gracePeriod: number): void {
  if (flags.output !== '' && flags.output !== 'name') {
    throw new KubectlError(`unexpected -o output mode: ${flags.output}. We only support '-o name'`)
  }
  if (flags.all && flags.selector) throw new KubectlError("setting 'all' parameter but found a non empty selector.")
  if (flags.all && flags['field-selector']) throw new KubectlError('cannot set --all and --field-selector at the same time')
  if (gracePeriod > 0 && flags.force) {
    throw new KubectlError('--force and --grace-period greater than 0 cannot be specified together')
  }
}

function policyOf(cascade: string): string {
  const policies: Record<string, string> = {
    background: 'Background',
    foreground: 'Foreground',
    orphan: 'Orphan',
    true: 'Background',
    false: 'Orphan',
  }
  const policy = policies[cascade]
  if (!policy) throw new KubectlError(`invalid cascade value (${cascade}). Must be "background", "foreground", or "orphan"`)
  return policy
}
