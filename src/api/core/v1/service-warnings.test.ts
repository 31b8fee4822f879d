import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { NetworkPolicy } from '#api/networking/v1/network-policy.ts'
import { RuntimeClass } from '#api/node/v1/runtime-class.ts'
import { CSIStorageCapacity } from '#api/storage/v1/csi-storage-capacity.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import type { Kind } from '#schema/kind.ts'
import { made } from '#testing/errors-of.ts'

const canonical = (at: string) => `${at}: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")`
const zone = 'failure-domain.beta.kubernetes.io/zone'
const newer = 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
const expression = { key: zone, operator: 'Exists' }

// biome-ignore format: a table; the texts are upstream's, to the letter
const cases: { kind: Kind<string, any>; it: string; body: object; warnings: string[] }[] = [
  { kind: Service, it: 'nothing', body: { spec: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'] } }, warnings: [] },
  { kind: Service, it: 'external addresses', body: { spec: { externalIPs: ['2001:DB8::1'] } }, warnings: [canonical('spec.externalIPs[0]'), 'spec.externalIPs is deprecated and may no longer be implemented in some clusters'] },
  { kind: Service, it: 'what a headless service ignores', body: { spec: { clusterIP: 'None', loadBalancerIP: '1.2.3.4', externalIPs: ['1.2.3.4'], sessionAffinity: 'ClientIP' } }, warnings: ['spec.loadBalancerIP is ignored for headless services', 'spec.externalIPs is ignored for headless services', 'spec.SessionAffinity is ignored for headless services'] },
  { kind: Service, it: 'what ExternalName ignores', body: { spec: { type: 'ExternalName', externalName: 'a', externalIPs: ['1.2.3.4'] } }, warnings: ['spec.externalIPs is ignored when spec.type is "ExternalName"'] },
  { kind: Service, it: 'a name that nobody reads', body: { spec: { externalName: 'a' } }, warnings: ['spec.externalName is ignored when spec.type is not "ExternalName"'] },
  { kind: Service, it: 'a retired distribution', body: { spec: { trafficDistribution: 'PreferClose' } }, warnings: ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'] },
  { kind: Service, it: 'a retired annotation', body: { metadata: { annotations: { 'service.kubernetes.io/topology-aware-hints': 'auto' } }, spec: {} }, warnings: ['annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead'] },
  { kind: Service, it: 'ambiguous ranges', body: { spec: { loadBalancerSourceRanges: ['192.168.0.5/24', '010.0.0.0/8', '2001:DB8::/64'] } }, warnings: ['spec.loadBalancerSourceRanges[0]: CIDR value "192.168.0.5/24" is ambiguous in this context (should be "192.168.0.0/24" or "192.168.0.5/32"?)', 'spec.loadBalancerSourceRanges[1]: non-standard CIDR value "010.0.0.0/8" is invalid: use "10.0.0.0/8"', 'spec.loadBalancerSourceRanges[2]: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")'] },
  { kind: Endpoints, it: 'addresses', body: { subsets: [{ addresses: [{ ip: '2001:DB8::1' }], notReadyAddresses: [{ ip: '2001:DB8::1' }] }] }, warnings: [canonical('subsets[0].addresses[0].ip'), canonical('subsets[0].notReadyAddresses[0].ip')] },
  { kind: Endpoints, it: 'nothing that its controller wrote', body: { metadata: { labels: { 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' } }, subsets: [{ addresses: [{ ip: '2001:DB8::1' }] }] }, warnings: [] },
  { kind: EndpointSlice, it: 'addresses', body: { addressType: 'IPv6', endpoints: [{ addresses: ['2001:DB8::1'] }] }, warnings: [canonical('endpoints[0].addresses[0]')] },
  { kind: EndpointSlice, it: 'names', body: { addressType: 'FQDN', endpoints: [{ addresses: ['a.b'] }] }, warnings: ['spec.addressType: FQDN endpoints are deprecated'] },
  { kind: NetworkPolicy, it: 'ranges', body: { spec: { podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: '10.0.0.1/8', except: ['10.1.0.1/16'] } }] }] } }, warnings: ['spec.egress[0].to[0].ipBlock.cidr: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)', 'spec.egress[0].to[0].ipBlock.except[0]: CIDR value "10.1.0.1/16" is ambiguous in this context (should be "10.1.0.0/16" or "10.1.0.1/32"?)'] },
  { kind: RuntimeClass, it: 'labels of nodes', body: { handler: 'h', scheduling: { nodeSelector: { [zone]: 'a' } } }, warnings: [`scheduling.nodeSelector: ${newer}`] },
  { kind: StorageClass, it: 'labels of nodes', body: { provisioner: 'p', allowedTopologies: [{ matchLabelExpressions: [{ key: zone, values: ['a'] }] }] }, warnings: [`allowedTopologies[0].matchLabelExpressions[0].key: ${newer}`] },
  { kind: CSIStorageCapacity, it: 'labels of nodes', body: { storageClassName: 's', nodeTopology: { matchLabels: { [zone]: 'a' }, matchExpressions: [expression] } }, warnings: [`nodeTopology.matchExpressions[0].key: ${zone} is ${newer}`, `nodeTopology.matchLabels.${zone}: ${newer}`] },
  { kind: PersistentVolume, it: 'labels of nodes', body: { spec: { capacity: { storage: '1' }, hostPath: { path: '/' }, nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } } } }, warnings: [`spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: ${zone} is ${newer}`] },
]

for (const { kind, it, body, warnings } of cases) {
  test(`a new ${kind.kind} warns of ${it}`, () => {
    assert.deepEqual(kind.def.warnings?.(made(kind, body), undefined), warnings)
  })
}
