/**
 * Storage version migrator: has every object of a resource written anew, in the form that the API server would write today: another version,
 * or another key (KEP-4192, upstream `controller/storageversionmigrator`).
 */
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { kinds as builtIn } from '#api/kinds.ts'
import { StorageVersionMigration } from '#api/storagemigration/v1beta1/storage-version-migration.ts'
import { formatTime } from '#lib/clock.ts'
import type { Kind } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Again, type Cluster, defineController } from './runtime/controller.ts'
import { kindsOf } from './runtime/custom-kinds.ts'

/** Seconds that a resource may take to appear. */
const patience = 60
const pageSize = 500

export const storageVersionMigrator = defineController({
  name: 'storage-version-migrator-controller',
  for: StorageVersionMigration,
  reads: [CustomResourceDefinition],
  grants: [{ groups: ['*'], resources: ['*'], verbs: ['list', 'patch'] }],

  async reconcile(migration, cluster): Promise<Again | undefined> {
    const { conditions = [], resourceVersion } = migration.status
    if (conditions.some(({ type, status }) => status === 'True' && (type === 'Succeeded' || type === 'Failed'))) return undefined
    const kind = kindOf(migration, cluster)
    if (!kind) {
      const age = (cluster.clock.now() - Date.parse(migration.metadata.creationTimestamp)) / 1000
      if (age < patience) return { after: patience - age }
      await tell(cluster, migration, { type: 'Failed', reason: 'StorageVersionMigrationFailed', message: 'resource not found' })
      return undefined
    }
    const upTo = resourceVersion ?? (await cluster.live.list(kind, { limit: 1 })).metadata.resourceVersion ?? ''
    const running = await tell(cluster, migration, {
      type: 'Running',
      reason: 'StorageVersionMigrationInProgress',
      message: '',
      upTo,
    })
    const failed = await rewriteAll(kind, cluster)
    const end = failed
      ? { type: 'Failed', reason: 'StorageVersionMigrationFailed', message: 'migration encountered unhandled error' }
      : { type: 'Succeeded', reason: 'StorageVersionMigrationSucceeded', message: '' }
    await tell(cluster, running, { ...end, upTo })
    if (failed) cluster.onError(failed.error)
    return undefined
  },
})

type MigrationCluster = Cluster<typeof StorageVersionMigration | typeof CustomResourceDefinition, typeof StorageVersionMigration>

function kindOf({ spec }: StorageVersionMigration, cluster: MigrationCluster): Kind | undefined {
  const { group, resource } = spec.resource
  const custom = cluster.list(CustomResourceDefinition).flatMap((definition) => kindsOf(definition).slice(0, 1))
  return [...builtIn, ...custom].find((kind) => kind.group === group && kind.plural === resource && !kind.def.virtual)
}

/** A conflict means that somebody else wrote the object, or that it is gone: either way it is done. */
async function rewriteAll(kind: Kind, { live }: MigrationCluster): Promise<{ error: unknown } | undefined> {
  try {
    let token: string | undefined
    do {
      const page = await live.list(kind, { limit: pageSize, ...(token && { continue: token }) })
      token = page.metadata.continue || undefined
      await Promise.all(
        page.items.map(async (object) => {
          const { uid, resourceVersion } = object.metadata
          await live.patch(kind, object, { type: 'merge', body: { metadata: { uid, resourceVersion } } }).catch((error) => {
            if (!hasReason(error, 'Conflict', 'NotFound')) throw error
          })
        }),
      )
    } while (token)
    return undefined
  } catch (error) {
    return { error }
  }
}

interface Told {
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly upTo?: string
}

/** Whatever ends, does not run any more. */
function tell(cluster: MigrationCluster, migration: StorageVersionMigration, { type, reason, message, upTo }: Told) {
  const time = formatTime(cluster.clock.now())
  const before = migration.status.conditions ?? []
  const kept = before
    .filter((condition) => condition.type !== type)
    .map((condition) =>
      condition.type === 'Running' && condition.status === 'True'
        ? { ...condition, status: 'False' as const, lastTransitionTime: time }
        : condition,
    )
  const known = before.find((condition) => condition.type === type && condition.status === 'True')
  const conditions = [...kept, known ?? { type, status: 'True' as const, reason, message, lastTransitionTime: time }]
  const version = upTo ?? migration.status.resourceVersion
  return cluster.status(StorageVersionMigration, migration, { conditions, ...(version && { resourceVersion: version }) })
}
