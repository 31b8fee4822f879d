/** The volumes and devices of a naive cluster as the objects that the real scheduler reads. */
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import { CSINode } from '#api/storage/v1/csi-node.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { NaiveCluster } from './naive-scheduler.ts'

const namespaces = ['default', 'other']
const driver = 'd.io'

export function naiveObjects({ nodes, volumes = [], attachable, freeDevices = {}, deviceClaims = {} }: NaiveCluster) {
  const objects: [Kind, object][] = []
  for (const namespace of namespaces) {
    for (const { name, zone, isForOnePod } of volumes) {
      const terms = [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }] }]
      const bound = `${namespace}-${name}`
      const csi = { driver, volumeHandle: bound }
      objects.push([
        PersistentVolume,
        { metadata: { name: bound }, spec: { csi, nodeAffinity: { required: { nodeSelectorTerms: terms } } }, status: {} },
      ])
      const metadata = { name, namespace, uid: bound, annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }
      const spec = { volumeName: bound, accessModes: [isForOnePod ? 'ReadWriteOncePod' : 'ReadWriteOnce'] }
      objects.push([PersistentVolumeClaim, { metadata, spec, status: { phase: 'Bound' } }])
    }
    for (const [name, count] of Object.entries(deviceClaims)) {
      const requests = [{ name: 'r', exactly: { deviceClassName: 'any', count } }]
      objects.push([
        ResourceClaim,
        { metadata: { name, namespace, uid: `${namespace}-${name}` }, spec: { devices: { requests } }, status: {} },
      ])
    }
  }
  objects.push([DeviceClass, { metadata: { name: 'any' }, spec: {} }])
  for (const { metadata } of nodes) {
    const { name } = metadata
    if (attachable !== undefined) {
      objects.push([CSINode, { metadata: { name }, spec: { drivers: [{ name: driver, allocatable: { count: attachable } }] } }])
    }
    objects.push(...devicesOf(name, freeDevices[name] ?? 0))
  }
  return objects as readonly (readonly [Kind, KubeObject])[]
}

/** One more than are free, which somebody has. */
function devicesOf(node: string, free: number): [Kind, object][] {
  const devices = Array.from({ length: free + 1 }, (_, i) => ({ name: `device-${i}` }))
  const pool = { name: node, generation: 1, resourceSliceCount: 1 }
  const results = [{ request: 'r', driver, pool: node, device: 'device-0' }]
  const metadata = { name: `taken-${node}`, namespace: 'default', uid: `taken-${node}` }
  return [
    [ResourceSlice, { metadata: { name: node }, spec: { driver, nodeName: node, pool, devices } }],
    [ResourceClaim, { metadata, spec: { devices: {} }, status: { allocation: { devices: { results } } } }],
  ]
}
