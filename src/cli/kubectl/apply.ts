/** `kubectl apply`: makes what files say so, client-side through a three-way patch or server-side. */
import { hasReason } from '#schema/status-error.ts'
import { boolean, duration, integer, list, text } from './command-line.ts'
import { pathOf } from './discovery.ts'
import { aggregate, KubectlError, usageError } from './errors.ts'
import { lastApplied, withLastApplied } from './last-applied.ts'
import { goJson, withSortedKeys } from './output/go-json.ts'
import { findTargets, type Target } from './resources.ts'
import { addSource, dryRunOf, dryRunQuery, objectPrinter, resultFlags, resultPrinter } from './result.ts'
import { migrate, serverSideManager } from './server-side-migration.ts'
import type { Json } from './session.ts'
import { applyPatch } from './three-way-patch.ts'
import { fieldValidation, validateFlag } from './validation.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const flags = {
  ...resultFlags,
  ...validateFlag,
  filename: list({ short: 'f' }),
  kustomize: text('', { short: 'k' }),
  recursive: boolean(false, { short: 'R' }),
  selector: text('', { short: 'l' }),
  'server-side': boolean(),
  'force-conflicts': boolean(),
  force: boolean(),
  overwrite: boolean(true),
  'openapi-patch': boolean(true),
  cascade: text('background', { bare: 'background' }),
  'grace-period': integer(-1),
  timeout: duration(),
  wait: boolean(),
  prune: boolean(),
  all: boolean(),
  subresource: text(),
} as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage: 'apply (-f FILENAME | -f FOLDER | -f -)',
  summary: 'Apply a configuration to a resource by file name or stdin',
  examples: ['apply -f app.yaml', 'apply -R -f manifests', 'apply -f app.yaml --dry-run=server'],
  flags,
  async run(call) {
    const { flags, args, path, session, out } = call
    if (args.length > 0) throw usageError(path, `Unexpected args: [${args.join(' ')}]`)
    check(call)
    const { items } = await findTargets(session, {
      filename: flags.filename,
      recursive: flags.recursive,
      selector: flags.selector || undefined,
    })
    const print = resultPrinter(call)
    const whole = flags.output !== '' && flags.output !== 'name'
    const objects: Json[] = []
    const errors: unknown[] = []
    for (const target of items) {
      try {
        const { object, operation } = flags['server-side'] ? await applyOnServer(call, target) : await applyOne(call, target)
        if (whole) objects.push(object)
        else print(object, operation)
      } catch (error) {
        errors.push(error)
      }
    }
    // Several are shown as a list that Go holds as a struct: its keys are not sorted, those of its items are.
    const printer = whole ? objectPrinter(flags, { struct: true }) : undefined
    const shown = objects.map(withSortedKeys)
    if (printer && shown.length === 1) out(printer(shown[0] as Json))
    if (printer && shown.length > 1) out(printer({ kind: 'List', apiVersion: 'v1', metadata: {}, items: shown }))
    aggregate(errors)
  },
})

function check(call: Call): void {
  const { flags } = call
  const dryRun = dryRunOf(call)
  if (flags.filename.length === 0) throw new KubectlError('must specify one of -f and -k')
  if (flags.prune) throw new KubectlError('--prune is not supported')
  if (flags['force-conflicts'] && !flags['server-side']) throw new KubectlError('--force-conflicts only works with --server-side')
  if (dryRun === 'client' && flags['server-side']) {
    throw new KubectlError("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)")
  }
  if (flags.force && flags['server-side']) throw new KubectlError('--force cannot be used with --server-side')
  if (dryRun === 'server' && flags.force) throw new KubectlError('--dry-run=server cannot be used with --force')
}

interface Outcome {
  readonly object: Json
  readonly operation: string
}

async function applyOne(call: Call, target: Target): Promise<Outcome> {
  const { session, flags, err } = call
  const { resource, namespace, name = '' } = target
  const { object: wanted, source } = target.manifest as NonNullable<Target['manifest']>
  refuseGeneratedName(wanted)
  const dryRun = dryRunOf(call)
  const modified = withLastApplied(wanted)
  const path = pathOf(resource, { namespace, name })
  let current: Json | undefined
  try {
    current = await session.get(path)
  } catch (error) {
    if (!hasReason(error, 'NotFound'))
      throw addSource(`retrieving current configuration of:\n${describe(target)}\nfrom server for:`, source, error)
  }
  const query = {
    fieldManager: flags['field-manager'] || 'kubectl-client-side-apply',
    ...fieldValidation(flags.validate),
    ...dryRunQuery(dryRun),
  }
  if (!current) {
    const body = withoutNulls(modified)
    if (dryRun === 'client') return { object: body, operation: 'created' }
    try {
      const object = await session.request('POST', pathOf(resource, { namespace }), { body, query })
      return { object, operation: 'created' }
    } catch (error) {
      throw addSource('creating', source, error)
    }
  }
  if (current.metadata?.annotations?.[lastApplied] === undefined) err(missingAnnotation(`${resource.plural}/${name}`))
  const patched = await patch(call, { target, path, current, modified, query })
  warnIfDeleting(patched.object, err)
  return patched
}

interface PatchTask {
  readonly target: Target
  readonly path: string
  readonly current: Json
  readonly modified: Json
  readonly query: Record<string, string>
}

const mostTries = 5

async function patch(call: Call, { target, path, current: first, modified, query }: PatchTask): Promise<Outcome> {
  const { session, flags } = call
  const source = target.manifest?.source
  for (let current = first, tries = 1; ; tries++) {
    const { body, contentType, applied } = applyPatch(current, modified)
    if (Object.keys(body).length === 0) return { object: current, operation: 'unchanged' }
    if (dryRunOf(call) === 'client') return { object: applied(), operation: 'configured' }
    try {
      return { object: await session.request('PATCH', path, { body, contentType, query }), operation: 'configured' }
    } catch (error) {
      if (hasReason(error, 'Conflict') && tries <= mostTries) {
        current = await session.get(path)
        continue
      }
      if (flags.force && hasReason(error, 'Conflict', 'Invalid')) return replace(call, target, modified)
      const inner = addSource('patching', source, error)
      throw addSource(`applying patch:\n${goJson(body, { indent: '' })}\nto:\n${describe(target)}\nfor:`, source, inner)
    }
  }
}

/** --force: what cannot be patched is deleted and made anew. */
async function replace({ session, flags }: Call, { resource, namespace, name = '' }: Target, modified: Json): Promise<Outcome> {
  const { deleteAndWait } = await import('./wait-gone.ts')
  await deleteAndWait(session, { resource, namespace, name }, { gracePeriod: flags['grace-period'] })
  const object = await session.request('POST', pathOf(resource, { namespace }), { body: withoutNulls(modified) })
  return { object, operation: 'configured' }
}

async function applyOnServer(call: Call, { resource, namespace, name = '', manifest }: Target): Promise<Outcome> {
  const { session, flags, err } = call
  const { object: body } = manifest as NonNullable<Target['manifest']>
  refuseGeneratedName(body)
  const manager = flags['field-manager'] || serverSideManager
  const dryRun = dryRunQuery(dryRunOf(call))
  const query = {
    fieldManager: manager,
    force: String(flags['force-conflicts']),
    ...fieldValidation(flags.validate),
    ...dryRun,
  }
  const path = pathOf(resource, { namespace, name, subresource: flags.subresource })
  const apply = () => session.request('PATCH', path, { body, contentType: 'application/apply-patch+yaml', query })
  try {
    const object = await migrate(await apply(), {
      ...{ manager, apply, err },
      get: () => session.get(path),
      patch: (patch, contentType, fieldManager) =>
        session.request('PATCH', path, { body: patch, contentType, query: { fieldManager, ...dryRun } }),
    })
    warnIfDeleting(object, err)
    return { object, operation: 'serverside-applied' }
  } catch (error) {
    if (hasReason(error, 'Conflict')) throw new KubectlError(`${(error as Error).message}\n${conflictAdvice}`)
    throw error
  }
}

const conflictAdvice = `Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`

function refuseGeneratedName({ metadata }: Json): void {
  if (!metadata?.name && metadata?.generateName) {
    throw new KubectlError(`from ${metadata.generateName}: cannot use generate name with apply`)
  }
  if (!metadata?.name) throw new KubectlError('resource name may not be empty')
}

function missingAnnotation(what: string): string {
  return `Warning: resource ${what} is missing the ${lastApplied} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.\n`
}

function warnIfDeleting({ metadata }: Json, err: (text: string) => void): void {
  if (!metadata?.deletionTimestamp) return
  err(`Warning: Detected changes to resource ${metadata.name} which is currently being deleted.\n`)
}

function describe({ resource, namespace, name }: Target): string {
  const { group, version, plural, kind } = resource
  return `Resource: "${group}/${version}, Resource=${plural}", GroupVersionKind: "${group}/${version}, Kind=${kind}"\nName: ${JSON.stringify(name)}, Namespace: ${JSON.stringify(namespace)}`
}

function withoutNulls<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutNulls) as T
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, inner]) => inner !== null)
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutNulls(inner)])) as T
}
