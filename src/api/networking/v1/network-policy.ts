/** NetworkPolicy: which traffic pods may have. */

import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { validatePolicy } from '#api/networking/v1/network-policy-validation.ts'
import { root } from '#schema/field-error.ts'
import { cidrWarnings } from '#schema/ip-warnings.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { formatLabelSelector } from '#schema/selector.ts'
import {
  always,
  int32,
  intOrString,
  known,
  list,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const networkPolicyPort = object('io.k8s.api.networking.v1.NetworkPolicyPort', {
  protocol: pointer(1, known('SCTP', 'TCP', 'UDP'), { doc: 'TCP, UDP or SCTP.' }),
  port: pointer(2, intOrString(), { doc: 'Number or name of the port; none means all.' }),
  endPort: pointer(3, int32(), { doc: 'Last port of a range that begins with port.' }),
})
export interface NetworkPolicyPort extends TypeOf<typeof networkPolicyPort> {}
export const NetworkPolicyPort: Schema<NetworkPolicyPort> = networkPolicyPort

const iPBlock = object('io.k8s.api.networking.v1.IPBlock', {
  cidr: always(1, string(), { doc: 'Range of addresses.' }),
  except: optional(2, list(string(), { listType: 'atomic' }), { doc: 'Ranges within that are left out.' }),
})
export interface IPBlock extends TypeOf<typeof iPBlock> {}
export const IPBlock: Schema<IPBlock> = iPBlock

const networkPolicyPeer = object('io.k8s.api.networking.v1.NetworkPolicyPeer', {
  podSelector: pointer(1, LabelSelector, { doc: 'Pods, of this namespace unless another is selected.' }),
  namespaceSelector: pointer(2, LabelSelector, { doc: 'Namespaces of the pods.' }),
  ipBlock: pointer(3, IPBlock, { doc: 'Addresses; alone, without selectors.' }),
})
export interface NetworkPolicyPeer extends TypeOf<typeof networkPolicyPeer> {}
export const NetworkPolicyPeer: Schema<NetworkPolicyPeer> = networkPolicyPeer

const networkPolicyIngressRule = object('io.k8s.api.networking.v1.NetworkPolicyIngressRule', {
  ports: optional(1, list(NetworkPolicyPort, { listType: 'atomic' }), { doc: 'Ports that may be reached; none means all.' }),
  from: optional(2, list(NetworkPolicyPeer, { listType: 'atomic' }), { doc: 'Who may reach them; none means everybody.' }),
})
export interface NetworkPolicyIngressRule extends TypeOf<typeof networkPolicyIngressRule> {}
export const NetworkPolicyIngressRule: Schema<NetworkPolicyIngressRule> = networkPolicyIngressRule

const networkPolicyEgressRule = object('io.k8s.api.networking.v1.NetworkPolicyEgressRule', {
  ports: optional(1, list(NetworkPolicyPort, { listType: 'atomic' }), { doc: 'Ports that may be reached; none means all.' }),
  to: optional(2, list(NetworkPolicyPeer, { listType: 'atomic' }), { doc: 'Who may be reached; none means everybody.' }),
})
export interface NetworkPolicyEgressRule extends TypeOf<typeof networkPolicyEgressRule> {}
export const NetworkPolicyEgressRule: Schema<NetworkPolicyEgressRule> = networkPolicyEgressRule

const networkPolicySpec = object('io.k8s.api.networking.v1.NetworkPolicySpec', {
  podSelector: always(1, LabelSelector, { doc: 'Pods that the policy is about; none means all of the namespace.' }),
  ingress: optional(2, list(NetworkPolicyIngressRule, { listType: 'atomic' }), {
    doc: 'What may come in; each rule allows more.',
  }),
  egress: optional(3, list(NetworkPolicyEgressRule, { listType: 'atomic' }), { doc: 'What may go out; each rule allows more.' }),
  policyTypes: optional(4, list(known('Egress', 'Ingress'), { listType: 'atomic' }), {
    doc: 'Directions that the policy restricts.',
  }),
})
export interface NetworkPolicySpec extends TypeOf<typeof networkPolicySpec> {}
export const NetworkPolicySpec: Schema<NetworkPolicySpec> = networkPolicySpec

function blockWarnings({ ingress = [], egress = [] }: NetworkPolicySpec): string[] {
  const peers = [
    ...ingress.map(({ from = [] }, index) => ({ list: from, at: root.child('spec', 'ingress').index(index).child('from') })),
    ...egress.map(({ to = [] }, index) => ({ list: to, at: root.child('spec', 'egress').index(index).child('to') })),
  ]
  return peers.flatMap(({ list, at }) =>
    list.flatMap(({ ipBlock }, index) => {
      if (!ipBlock) return []
      const here = at.index(index).child('ipBlock')
      const { cidr, except = [] } = ipBlock
      return [
        ...cidrWarnings(cidr, here.child('cidr')),
        ...except.flatMap((one, position) => cidrWarnings(one, here.child('except').index(position))),
      ]
    }),
  )
}

const kind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  scope: 'Namespaced',
  doc: 'A network policy says which traffic is allowed for some pods.',
  schemaName: 'io.k8s.api.networking.v1.NetworkPolicy',
  shortNames: ['netpol'],
  fields: {
    spec: always(2, NetworkPolicySpec),
  },
  generationFrom: ['spec'],
  defaults({ spec }) {
    for (const { ports = [] } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of ports) port.protocol ??= 'TCP'
    }
    if (spec.policyTypes?.length) return
    spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress']
  },
  validateCreate: ({ metadata, spec }, at) => [
    ...validateFinalizers(metadata, at),
    ...validatePolicy(spec, undefined, at.child('spec')),
  ],
  warnings: ({ spec }) => blockWarnings(spec),
  validateUpdate: ({ spec }, old, at) => validatePolicy(spec, old.spec, at.child('spec')),
  columns: [
    { name: 'Pod-Selector', doc: 'Pods that the policy is about.', value: ({ spec }) => formatLabelSelector(spec.podSelector) },
    age,
  ],
})

export interface NetworkPolicy extends ObjectOf<typeof kind> {}
export const NetworkPolicy: Kind<'NetworkPolicy', NetworkPolicy> = kind
