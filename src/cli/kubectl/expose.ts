/** `kubectl expose`: a Service for what an object's pods listen on. */
import { text } from './command-line.ts'
import { aggregate, KubectlError } from './errors.ts'
import { integerOf, madeFlags, make, parseLabels } from './made-object.ts'
import { overrideFlags, withOverrides } from './overrides.ts'
import { gather, type Info, selectionFlags } from './resources.ts'
import { resultPrinter } from './result.ts'
import type { Json } from './session.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const { selector: _, ...fileFlags } = selectionFlags

const flags = {
  ...madeFlags,
  ...fileFlags,
  ...overrideFlags,
  protocol: text(),
  port: text(),
  type: text(),
  'load-balancer-ip': text(),
  selector: text(),
  labels: text('', { short: 'l' }),
  'target-port': text(),
  'external-ip': text(),
  name: text(),
  'session-affinity': text(),
  'cluster-ip': text(),
} as const

type Call = VerbCall<typeof flags>

const maxNameLength = 63

export default defineVerb({
  usage:
    'expose (-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] [--target-port=number-or-name] [--name=name] [--external-ip=external-ip-of-service] [--type=type]',
  summary: 'Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service',
  examples: ['expose deployment web --port=80 --target-port=8000'],
  flags,
  async run(call) {
    const { flags, args, session } = call
    const { infos, errors } = await gather(session, { args, filename: flags.filename, recursive: flags.recursive })
    const print = resultPrinter(call, { struct: true })
    for (const info of infos) {
      try {
        const service = withOverrides(serviceFor(call, info), flags)
        print(await make(call, service, 'kubectl-expose'), 'exposed')
      } catch (error) {
        errors.push(error)
      }
    }
    aggregate(errors)
  },
})

const exposable = new Set(['ReplicationController', 'Service', 'Pod', 'Deployment.apps', 'ReplicaSet.apps'])

function serviceFor({ flags }: Call, { resource, name, object }: Info): Json {
  const kind = resource.group ? `${resource.kind}.${resource.group}` : resource.kind
  if (!exposable.has(kind)) throw new KubectlError(`cannot expose a ${kind}`)
  const selector = flags.selector ? parseLabels(flags.selector) : podLabelsOf(object)
  const numbers = flags.port ? flags.port.split(',') : [...new Set(portsOf(object).map(({ port }) => String(port)))]
  if (numbers.length === 0 && flags['cluster-ip'] !== 'None') {
    throw new KubectlError("couldn't find port via --port flag or introspection")
  }
  const labels = flags.labels ? parseLabels(flags.labels) : (object.metadata.labels ?? {})
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: flags.name || name.slice(0, maxNameLength), ...(Object.keys(labels).length > 0 && { labels }) },
    spec: { ...specOf(flags), selector, ports: servicePorts(flags, numbers, object) },
  }
}

function specOf(flags: Call['flags']): Json {
  const { 'external-ip': external, type, 'session-affinity': affinity, 'cluster-ip': address } = flags
  if (affinity && affinity !== 'None' && affinity !== 'ClientIP') throw new KubectlError(`unknown session affinity: ${affinity}`)
  return {
    ...(external && { externalIPs: [external] }),
    ...(type && { type }),
    ...(type === 'LoadBalancer' && flags['load-balancer-ip'] && { loadBalancerIP: flags['load-balancer-ip'] }),
    ...(affinity && { sessionAffinity: affinity }),
    ...(address && { clusterIP: address }),
  }
}

/** A port that the object has with several protocols becomes several ports. */
function servicePorts(flags: Call['flags'], numbers: readonly string[], object: Json): Json[] {
  const known = portsOf(object)
  return numbers.flatMap((text, at) => {
    const port = integerOf(text)
    const name = numbers.length > 1 ? `port-${at + 1}` : ''
    const own = flags.protocol ? [] : known.filter((one) => String(one.port) === text).map(({ protocol }) => protocol)
    const target = flags['target-port']
    const targetPort = target === '' ? port : /^[+-]?\d+$/.test(target) ? Number(target) : target
    if (own.length > 1) {
      return own.map((protocol) => ({ name: `port-${at + 1}-${protocol.toLowerCase()}`, protocol, port, targetPort }))
    }
    return [{ ...(name && { name }), protocol: flags.protocol || own[0] || 'TCP', port, targetPort }]
  })
}

function portsOf({ kind, spec }: Json): { port: number; protocol: string }[] {
  if (kind === 'Service') return (spec.ports ?? []).map(({ port, protocol = 'TCP' }: Json) => ({ port, protocol }))
  const { containers } = kind === 'Pod' ? spec : spec.template.spec
  return containers.flatMap(({ ports = [] }: Json) =>
    ports.map(({ containerPort, protocol = 'TCP' }: Json) => ({ port: containerPort, protocol })),
  )
}

function podLabelsOf({ kind, metadata, spec }: Json): Record<string, string> {
  const refuse = (why: string) => new KubectlError(`couldn't retrieve selectors via --selector flag or introspection: ${why}`)
  const isEmpty = (labels: object | undefined) => Object.keys(labels ?? {}).length === 0
  switch (kind) {
    case 'Pod':
      if (isEmpty(metadata.labels)) throw refuse('the pod has no labels and cannot be exposed')
      return metadata.labels
    case 'Service':
      if (!spec.selector) throw refuse('the service has no pod selector set')
      return spec.selector
    case 'ReplicationController':
      if (isEmpty(spec.selector)) throw new KubectlError('selector must be specified')
      return spec.selector
    default: {
      const { matchLabels, matchExpressions = [] } = spec.selector ?? {}
      if (isEmpty(matchLabels)) throw refuse(`invalid ${kind.toLowerCase()}: no selectors, therefore cannot be exposed`)
      if (matchExpressions.length === 0) return matchLabels
      const shown = matchExpressions.map(
        ({ key, operator, values = [] }: Json) => `{Key:${key} Operator:${operator} Values:[${values.join(' ')}]}`,
      )
      throw refuse(`couldn't convert expressions - "[${shown.join(' ')}]" to map-based selector format`)
    }
  }
}
