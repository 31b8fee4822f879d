/** What storage controllers do where nothing of what they want may be made: they say so, and try ever more seldom. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ResourceClaimTemplate } from '#api/resource/v1/resource-claim-template.ts'
import type { AdmissionPlugin } from '#apiserver/admission/plugin.ts'
import { forbidden } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { node, pod } from '#testing/make.ts'
import { eventsOf } from '#testing/transcript.ts'
import { attachDetachController } from '../attach-detach/attach-detach.ts'
import { resourceClaimControllers } from '../resource-claim/resource-claim.ts'
import type { Controller } from '../runtime/controller.ts'
import { ephemeralVolumeController } from './ephemeral-volume.ts'

const storage = { resources: { requests: { storage: '1Gi' } }, accessModes: ['ReadWriteOnce'] }
const at = { name: 'c', namespace: 'default' }
const why = 'is forbidden: exceeded quota: small'

interface Case {
  readonly controllers: readonly Controller[]
  readonly plural: string
  readonly before: (cluster: TestCluster) => Promise<void>
  /** Of the pod. */
  readonly spec: object
  readonly event: string | undefined
}

const cases: Record<string, Case> = {
  'ephemeral-volume': {
    controllers: [ephemeralVolumeController],
    plural: 'persistentvolumeclaims',
    before: async () => {},
    spec: { volumes: [{ name: 'd', ephemeral: { volumeClaimTemplate: { spec: storage } } }] },
    event: `FailedBinding: ephemeral volume d: persistentvolumeclaims "x" ${why}`,
  },
  resourceclaim: {
    controllers: resourceClaimControllers,
    plural: 'resourceclaims',
    async before({ client }) {
      const spec = { spec: { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] } } }
      await client.create(ResourceClaimTemplate, { metadata: { ...at, name: 't' }, spec } as never)
    },
    spec: { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] },
    event: `FailedResourceClaimCreation: PodResourceClaim gpu: create ResourceClaim : resourceclaims "x" ${why}`,
  },
  'attach-detach': {
    controllers: [attachDetachController()],
    plural: 'volumeattachments',
    async before({ client }) {
      const annotations = { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' }
      await client.create(Node, { ...node('n1'), metadata: { name: 'n1', annotations } })
      const claim = await client.create(PersistentVolumeClaim, {
        metadata: at,
        spec: { ...storage, volumeName: 'v', storageClassName: '' },
      } as never)
      const claimRef = { ...at, uid: claim.metadata.uid }
      const csi = { driver: 'disk.example.com', volumeHandle: 'h' }
      const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], csi, claimRef }
      await client.create(PersistentVolume, { metadata: { name: 'v' }, spec } as never)
    },
    spec: { nodeName: 'n1', volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'c' } }] },
    event: undefined,
  },
}

for (const [name, { controllers, plural, before, spec, event }] of Object.entries(cases)) {
  test(`${name} controller tells of what it may not create, and tries ever more seldom`, async () => {
    let count = 0
    const refusing = {
      name: 'Refusing',
      handles: ({ operation, kind }: { operation: string; kind: { plural: string } }) =>
        operation === 'CREATE' && kind.plural === plural,
      validate(): void {
        count++
        throw forbidden({ group: '', plural }, 'x', 'exceeded quota: small')
      },
    }
    await using cluster = await testCluster({ controllers, admission: [refusing as unknown as AdmissionPlugin] })
    await before(cluster)
    await cluster.client.create(Pod, pod('p', { spec: spec as never }))
    await cluster.advance(60_000)
    assert.ok(count > 2 && count < 40, `${count} attempts in the first minute`)
    if (event) assert.ok((await eventsOf(cluster, 'p')).some((line) => line.startsWith(event)))
    await cluster.advance(59 * 60_000)
    assert.ok(count < 60, `${count} attempts in an hour`)
  })
}
