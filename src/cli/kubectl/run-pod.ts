/** `kubectl run`: one pod from an image, and with -i the terminal joined to it. */
import { parseReference } from '#images/reference.ts'
import { isEnvVarName } from '#schema/formats.ts'
import { attachTo } from './attach.ts'
import { array, boolean, duration, text } from './command-line.ts'
import { Exit, KubectlError, usageError } from './errors.ts'
import { followObject } from './follow-object.ts'
import { integerOf, madeFlags, make, parseLabels } from './made-object.ts'
import { overrideFlags, withOverrides } from './overrides.ts'
import { parsePairs } from './pairs.ts'
import { podPath } from './pods.ts'
import { dryRunOf, resultPrinter } from './result.ts'
import type { Json } from './session.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const flags = {
  ...madeFlags,
  ...overrideFlags,
  annotations: array(),
  image: text('', { required: true }),
  'image-pull-policy': text(),
  rm: boolean(),
  env: array(),
  port: text(),
  labels: text('', { short: 'l' }),
  stdin: boolean(false, { short: 'i' }),
  tty: boolean(false, { short: 't' }),
  attach: boolean(),
  'leave-stdin-open': boolean(),
  restart: text('Always'),
  command: boolean(),
  expose: boolean(),
  quiet: boolean(false, { short: 'q' }),
  privileged: boolean(),
  'pod-running-timeout': duration(60_000),
} as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage:
    'run NAME --image=image [--env="key=value"] [--port=port] [--dry-run=server|client] [--overrides=inline-json] [--command] -- [COMMAND] [args...]',
  summary: 'Run a particular image on the cluster',
  examples: ['run web --image=nginx', 'run -it shell --rm --restart=Never --image=busybox -- sh'],
  flags,
  async run(call) {
    const { flags } = call
    check(call)
    const [name] = call.args as [string]
    const print = resultPrinter(call, { struct: true })
    const pod = await make(call, withOverrides(podOf(call, name), flags), 'kubectl-run')
    const made = [pod]
    if (flags.expose) {
      const service = await make(call, serviceOf(call, name), 'kubectl-run')
      print(service, 'created')
      if (flags.output === 'yaml') call.out('---\n')
      made.push(service)
    }
    if (!isAttached(call)) return print(pod, 'created')
    try {
      await attachAndWait(call, pod)
    } finally {
      if (flags.rm) for (const object of made) await remove(call, object)
    }
  },
})

function isAttached({ flags, changed }: Call): boolean {
  return changed.has('attach') ? flags.attach : flags.stdin
}

function check(call: Call): void {
  const { flags, args, dash, path } = call
  if (args.length === 0 || dash === 0) throw usageError(path, 'NAME is required for run')
  if (flags.image === '') throw new KubectlError('--image is required')
  try {
    parseReference(flags.image)
  } catch {
    throw new KubectlError(`Invalid image name ${JSON.stringify(flags.image)}: invalid reference format`)
  }
  if (flags.tty && !flags.stdin) throw usageError(path, '-i/--stdin is required for containers with -t/--tty=true')
  if (flags.expose && !flags.port) throw usageError(path, '--port must be set when exposing a service')
  if (!['', 'Always', 'OnFailure', 'Never'].includes(flags.restart))
    throw usageError(path, `invalid restart policy: ${flags.restart}`)
  if (!isAttached(call) && flags.rm) throw usageError(path, '--rm should only be used for attached containers')
  if (isAttached(call) && dryRunOf(call) !== 'none') {
    throw usageError(
      path,
      "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
    )
  }
  if (!['', 'Always', 'IfNotPresent', 'Never'].includes(flags['image-pull-policy'])) {
    throw usageError(path, `invalid image pull policy: ${flags['image-pull-policy']}`)
  }
}

function podOf({ flags, args }: Call, name: string): Json {
  const words = args.slice(1)
  const annotations = parsePairs(flags.annotations, 'annotations').set
  const policy = flags['image-pull-policy']
  const container = {
    name,
    image: flags.image,
    ...(words.length > 0 && { [flags.command ? 'command' : 'args']: words }),
    ...(flags.port && { ports: [{ containerPort: integerOf(flags.port) }] }),
    ...(flags.env.length > 0 && { env: flags.env.map(variableOf) }),
    resources: {},
    ...(policy && { imagePullPolicy: policy }),
    ...(flags.privileged && { securityContext: { privileged: true } }),
    ...(flags.stdin && { stdin: true }),
    ...(flags.stdin && !flags['leave-stdin-open'] && { stdinOnce: true }),
    ...(flags.tty && { tty: true }),
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      labels: labelsOf(flags.labels, name),
      ...(annotations.size > 0 && { annotations: Object.fromEntries(annotations) }),
    },
    spec: { containers: [container], restartPolicy: flags.restart || 'Always', dnsPolicy: 'ClusterFirst' },
  }
}

function labelsOf(given: string, name: string): Record<string, string> {
  return given ? parseLabels(given) : { run: name }
}

function variableOf(pair: string): Json {
  const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
  if (isEnvVarName(name).length > 0) throw new KubectlError(`invalid env: ${pair}`)
  return { name, ...(value && { value }) }
}

function serviceOf({ flags }: Call, name: string): Json {
  const port = integerOf(flags.port)
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, ...(flags.labels && { labels: parseLabels(flags.labels) }) },
    spec: { ports: [{ protocol: 'TCP', port, targetPort: port }], selector: labelsOf(flags.labels, name) },
  }
}

/** With a restart policy that lets the program end, its exit code becomes the command's. */
async function attachAndWait(call: Call, created: Json): Promise<void> {
  const { flags, session, terminal } = call
  const running = await until(call, created, isUp)
  if (isEnded(running)) await printLogs(call, running)
  else {
    try {
      await attachTo(call, running, { container: '', stdin: flags.stdin, tty: flags.tty, quiet: flags.quiet })
    } catch (error) {
      if (terminal.signal.aborted) throw error
      const { name } = created.metadata
      call.err(`warning: couldn't attach to pod/${name}, falling back to streaming logs: ${(error as Error).message}\n`)
      await printLogs(call, running)
    }
  }
  if (flags['leave-stdin-open'] || flags.restart === 'Always' || flags.restart === '') return
  const ended = await until(call, created, flags.restart === 'Never' ? isEnded : ({ status }) => status?.phase === 'Succeeded')
  const { namespace, name } = ended.metadata
  if (ended.status.phase === 'Succeeded') return
  const final = ended.status.containerStatuses?.[0]?.state?.terminated
  if (!final?.exitCode) throw new KubectlError(`pod ${namespace}/${name} failed with unknown exit code`)
  call.err(`pod ${session.namespace}/${name} terminated (${final.reason ?? ''})\n${final.message ?? ''}\n`)
  throw new Exit(final.exitCode)
}

function isEnded({ status }: Json): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}

function isUp(pod: Json): boolean {
  if (isEnded(pod)) return true
  const ready = (pod.status?.conditions ?? []).find(({ type }: Json) => type === 'Ready')
  return pod.status?.phase === 'Running' && ready?.status === 'True'
}

async function until({ session, flags, terminal }: Call, { metadata }: Json, done: (pod: Json) => boolean): Promise<Json> {
  const resource = await session.discovery.find('pods')
  const late = AbortSignal.timeout(flags['pod-running-timeout'])
  const place = { resource, namespace: metadata.namespace, name: metadata.name }
  try {
    for await (const { type, object } of followObject(session, place, AbortSignal.any([late, terminal.signal]))) {
      if (type === 'DELETED') throw new KubectlError('pods "" not found')
      if (done(object)) return object
    }
  } catch (error) {
    if (!late.aborted) throw error
  }
  throw new KubectlError('timed out waiting for the condition')
}

async function printLogs({ session, terminal }: Call, pod: Json): Promise<void> {
  const answer = await session.raw('GET', podPath(pod, 'log'))
  for await (const chunk of answer.body) terminal.stdout.write(chunk)
}

async function remove({ session, flags, out }: Call, { apiVersion, kind, metadata }: Json): Promise<void> {
  const plural = kind === 'Pod' ? 'pods' : 'services'
  const path = `/api/${apiVersion}/namespaces/${encodeURIComponent(metadata.namespace)}/${plural}/${encodeURIComponent(metadata.name)}`
  await session.request('DELETE', path, { body: { propagationPolicy: 'Background' } })
  const where = ` from ${metadata.namespace} namespace`
  if (!flags.quiet) out(`${kind.toLowerCase()} ${JSON.stringify(metadata.name)} deleted${where}\n`)
}
