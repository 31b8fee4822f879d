/** `kubectl set env`: environment variables of the containers of pods and workloads. */
import { array, boolean, list, text } from '../command-line.ts'
import { aggregate, KubectlError } from '../errors.ts'
import { gather, type Info, selectionFlags } from '../resources.ts'
import type { Json } from '../session.ts'
import { defineVerb, type VerbCall } from '../verb.ts'
import { isEnvArgument, parseEnv } from './env-arguments.ts'
import { listEnv } from './env-list.ts'
import { changeTemplates, podSpecOf, refuseLocal, selectedContainers, templateFlags } from './template.ts'

const flags = {
  ...templateFlags,
  ...selectionFlags,
  from: text(),
  prefix: text(),
  env: array({ short: 'e' }),
  keys: list(),
  list: boolean(),
  resolve: boolean(),
  overwrite: boolean(true),
} as const

type Call = VerbCall<typeof flags>

interface Change {
  readonly set: readonly Json[]
  readonly remove: readonly string[]
}

export default defineVerb({
  usage: 'set env RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N',
  summary: 'Update environment variables on a pod template',
  examples: ['set env deployment/web LOG=debug', 'set env deployment/web LOG-', 'set env deployment/web --list'],
  flags,
  async run(call) {
    const { flags, args } = call
    const { resources, variables } = split(call, args)
    check(call, resources)
    const { set, remove } = await parseEnv([...flags.env, ...variables], call.terminal.stdin)
    const all = [...set, ...(flags.from ? await imported(call) : [])]
    const change = { set: all.map((one) => ({ ...one, name: flags.prefix + one.name })), remove }
    const { infos, errors } = await gather(call.session, selectionFor(call, resources))
    aggregate(errors)
    if (flags.list) return showAll(call, infos, change)
    if (change.set.length === 0 && variables.length === 0 && infos.length > 0) return
    await changeTemplates(call, infos, {
      operation: 'env updated',
      failure: 'failed to patch env update to pod template: ',
      errors,
      apply: (spec, object) => changeContainers(call, { spec, object, change }),
    })
  },
})

function split({ flags }: Call, args: readonly string[]): { resources: readonly string[]; variables: readonly string[] } {
  if (flags.all && flags.selector) throw new KubectlError('cannot set --all and --selector at the same time')
  const first = args.findIndex(isEnvArgument)
  if (first < 0) return { resources: args, variables: [] }
  const variables = args.slice(first)
  if (!variables.every(isEnvArgument)) {
    throw new KubectlError(`all resources must be specified before environment changes: ${args.join(' ')}`)
  }
  return { resources: args.slice(0, first), variables }
}

function check({ flags }: Call, resources: readonly string[]): void {
  refuseLocal(flags)
  if (flags.filename.length === 0 && resources.length === 0) {
    throw new KubectlError('one or more resources must be specified as <resource> <name> or <resource>/<name>')
  }
  if (flags.list && flags.output) throw new KubectlError('--list and --output may not be specified together')
  if (flags.keys.length > 0 && !flags.from) {
    throw new KubectlError('when specifying --keys, a configmap or secret must be provided with --from')
  }
}

function selectionFor({ flags }: Call, args: readonly string[]) {
  const { filename, recursive, selector, all } = flags
  return { args, filename, recursive, selector: selector || undefined, typeAlone: all }
}

/** Variables that refer to the keys of ConfigMaps and Secrets. */
async function imported(call: Call): Promise<Json[]> {
  const { session, flags } = call
  const { infos, errors } = await gather(session, {
    args: [flags.from],
    selector: flags.selector || undefined,
    typeAlone: flags.all,
  })
  aggregate(errors)
  return infos.flatMap(({ object, name }) => {
    const field = object.kind === 'Secret' ? 'secretKeyRef' : object.kind === 'ConfigMap' ? 'configMapKeyRef' : undefined
    if (!field) throw new KubectlError('unsupported resource specified in --from')
    const keys = Object.keys(object.data ?? {}).filter((key) => flags.keys.length === 0 || flags.keys.includes(key))
    return keys.sort().map((key) => ({ name: nameFor(call, key), valueFrom: { [field]: { name, key } } }))
  })
}

function nameFor({ err }: Call, key: string): string {
  const name = key.replace(/[^a-zA-Z0-9_]/g, '_').toUpperCase()
  if (name !== key) err(`Warning: key ${key} transferred to ${name}\n`)
  return name
}

function changeContainers(call: Call, { spec, object, change }: { spec: Json; object: Json; change: Change }): Json[] {
  const { flags, err } = call
  const containers = selectedContainers(spec, flags.containers)
  if (containers.length === 0) {
    err(
      `Warning: ${object.kind}/${object.metadata.name} does not have any containers matching ${JSON.stringify(flags.containers)}\n`,
    )
  }
  for (const container of containers) {
    const { env = [] } = container
    if (!flags.overwrite) refuseOverwrites(env, change.set)
    const next = changedEnv(env, change)
    if (next.length > 0 || container.env) container.env = next
  }
  return containers
}

function refuseOverwrites(existing: readonly Json[], set: readonly Json[]): void {
  for (const { name, value = '' } of set) {
    const current = existing.find((one) => one.name === name)
    if (!current || (current.value ?? '') === value) continue
    throw new KubectlError(`'${name}' already has a value (${current.value ?? ''}), and --overwrite is false`)
  }
}

/** In place where a variable is there already, else at the end; the first of several new ones with a name counts. */
function changedEnv(existing: readonly Json[], { set, remove }: Change): Json[] {
  const covered = new Set(remove)
  const next: Json[] = []
  for (const old of existing) {
    if (covered.has(old.name)) continue
    const newer = set.find((one) => one.name === old.name)
    if (newer) covered.add(old.name)
    next.push(newer ?? old)
  }
  for (const one of set) {
    if (covered.has(one.name)) continue
    covered.add(one.name)
    next.push(one)
  }
  return next
}

async function showAll(call: Call, infos: readonly Info[], change: Change): Promise<void> {
  for (const { object } of infos) {
    const changed = structuredClone(object)
    const spec = podSpecOf(changed)
    if (!spec) continue
    for (const container of changeContainers(call, { spec, object, change })) {
      call.out(`# ${object.kind} ${object.metadata.name}, container ${container.name}\n`)
      await listEnv(call, container.env ?? [])
    }
  }
}
