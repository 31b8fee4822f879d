/** `kubectl create service clusterip|nodeport|loadbalancer|externalname`. */
import { isDns1123Subdomain, isValidPortName, isValidPortNum } from '#schema/formats.ts'
import { type Flags, integer, list, text } from '../command-line.ts'
import { KubectlError } from '../errors.ts'
import { defineVerb, type Verb } from '../verb.ts'
import { createObject, type GeneratorCall, generatorFlags, metadataOf, nameOfArguments } from './generator.ts'

const tcp = list()

export default defineVerb({
  usage: 'create service',
  summary: 'Create a service using a specified subcommand',
  flags: {},
  verbs: {
    clusterip: async () => ({ default: generator('ClusterIP', 'NAME [--tcp=<port>:<targetPort>]', { tcp, clusterip: text() }) }),
    nodeport: async () => ({ default: generator('NodePort', 'NAME [--tcp=port:targetPort]', { tcp, 'node-port': integer() }) }),
    loadbalancer: async () => ({ default: generator('LoadBalancer', 'NAME [--tcp=port:targetPort]', { tcp }) }),
    externalname: async () => ({
      default: generator('ExternalName', 'NAME --external-name external.name', {
        tcp,
        'external-name': text('', { required: true }),
      }),
    }),
  },
})

interface Wishes {
  readonly tcp: readonly string[]
  readonly clusterip?: string
  readonly 'node-port'?: number
  readonly 'external-name'?: string
}

function generator(type: string, usage: string, flags: Flags): Verb {
  return defineVerb({
    usage: `create service ${type.toLowerCase()} ${usage} [--dry-run=server|client|none]`,
    summary: type === 'ExternalName' ? 'Create an ExternalName service' : `Create a ${type} service`,
    examples: [
      `create service ${type.toLowerCase()} web ${type === 'ExternalName' ? '--external-name example.org' : '--tcp=80:8080'}`,
    ],
    flags: { ...generatorFlags, ...flags },
    async run(call) {
      const wishes = call.flags as unknown as Wishes
      const name = nameOfArguments(call)
      check(type, wishes)
      const { clusterip, 'external-name': externalName } = wishes
      const spec = {
        ports: wishes.tcp.map((pair) => portOf(pair, wishes['node-port'])),
        selector: { app: name },
        ...(clusterip && { clusterIP: clusterip }),
        type,
        ...(externalName && { externalName }),
      }
      const metadata = { ...metadataOf(call as GeneratorCall, name), labels: { app: name } }
      await createObject(
        call as GeneratorCall,
        { apiVersion: 'v1', kind: 'Service', metadata, spec },
        `failed to create ${type} service: `,
      )
    },
  })
}

function check(type: string, { tcp, clusterip, 'external-name': externalName }: Wishes): void {
  if (clusterip !== 'None' && tcp.length === 0 && type !== 'ExternalName') {
    throw new KubectlError('at least one tcp port specifier must be provided')
  }
  if (type === 'ExternalName' && isDns1123Subdomain(externalName ?? '').length > 0) {
    throw new KubectlError(`invalid service external name ${externalName}`)
  }
}

function portOf(pair: string, nodePort: number | undefined): object {
  const [first = '', second] = pair.split(':')
  const port = Number(first)
  if (!/^\d+$/.test(first)) throw new KubectlError(`strconv.ParseUint: parsing ${JSON.stringify(first)}: invalid syntax`)
  if (port > 65_535) throw new KubectlError(`strconv.ParseUint: parsing ${JSON.stringify(first)}: value out of range`)
  const base = { name: pair.replaceAll(':', '-'), protocol: 'TCP', port }
  const target = second === undefined ? port : targetOf(second)
  return { ...base, targetPort: target, ...(nodePort && { nodePort }) }
}

export function targetOf(text: string): number | string {
  const isNumber = /^[+-]?\d+$/.test(text)
  const errors = isNumber ? isValidPortNum(Number(text)) : isValidPortName(text)
  if (errors.length > 0) throw new KubectlError(errors.join(','))
  return isNumber ? Number(text) : text
}
