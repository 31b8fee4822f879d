/** ControllerRevisions: what the template of a StatefulSet or DaemonSet was at each of its revisions (`pkg/controller/history`). */
import { ControllerRevision } from '#api/apps/v1/controller-revision.ts'
import { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { type LabelSelector, selects } from '#api/meta/v1/label-selector.ts'
import { edit } from '#client/client.ts'
import { decode } from '#schema/decode.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import { canonical, hashOf } from './canonical.ts'
import { claimObjects } from './claim.ts'
import type { Cluster } from './runtime/controller.ts'

type HistoryCluster = Cluster<typeof ControllerRevision, typeof ControllerRevision>

/** The revisions that `owner` controls, oldest first; orphans that match are adopted, those that match no more are let go. */
export async function claimRevisions(
  cluster: HistoryCluster,
  owner: KubeObject,
  { ownerKind, selector }: { ownerKind: Kind; selector: LabelSelector | undefined },
): Promise<readonly ControllerRevision[]> {
  const orphans = cluster.orphans(ControllerRevision, owner.metadata.namespace ?? '')
  const objects = [...cluster.owned(ControllerRevision, owner), ...orphans]
  const matches = ({ metadata }: ControllerRevision) => selects(selector, metadata.labels)
  return (await claimObjects(cluster, owner, { kind: ControllerRevision, ownerKind, objects, matches })).toSorted(olderFirst)
}

/** By revision, then by age, then by name (`SortControllerRevisions`). */
export function olderFirst(a: ControllerRevision, b: ControllerRevision): number {
  const ages = Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp)
  return Number(a.revision) - Number(b.revision) || ages || (a.metadata.name < b.metadata.name ? -1 : 1)
}

export function nextRevision(revisions: readonly ControllerRevision[]): number {
  return Math.max(0, ...revisions.map(({ revision }) => Number(revision))) + 1
}

/** A strategic merge patch that brings the template back, as `kubectl rollout undo` applies it. */
export function dataOf(template: PodTemplateSpec): object {
  return { spec: { template: { ...template, $patch: 'replace' } } }
}

/** Whether the revision holds this template. */
export function holds(revision: ControllerRevision, template: PodTemplateSpec): boolean {
  return textOf(revision, () => revision.data) === textOf(template, () => dataOf(template))
}

/** The template that the revision holds. */
export function templateOf({ data }: ControllerRevision): PodTemplateSpec {
  const { spec } = data as { spec?: { template?: Record<string, unknown> } }
  const { $patch: _patch, ...template } = spec?.template ?? {}
  return decode(PodTemplateSpec, template)
}

/** Objects from caches never change, so that their text is made once. */
const texts = new WeakMap<object, string>()

function textOf(owner: object, data: () => unknown): string {
  const known = texts.get(owner)
  if (known !== undefined) return known
  const text = canonical(data())
  texts.set(owner, text)
  return text
}

export interface Snapshot {
  readonly template: PodTemplateSpec
  readonly revision: number
  readonly collisionCount: number | undefined
  /** Label that carries the hash of the revision. */
  readonly hashLabel: string
}

/** Names of revisions leave room for the hash (`ControllerRevisionName`). */
const longestPrefix = 223

/**
 * Makes the revision. A name that is taken by another template is a collision, which is counted and gives the next name;
 * one that is taken by this very template is the revision.
 */
export async function createRevision(
  cluster: HistoryCluster,
  owner: KubeObject,
  { template, revision, collisionCount, hashLabel }: Snapshot,
): Promise<{ readonly revision: ControllerRevision; readonly collisionCount: number | undefined }> {
  const data = dataOf(template)
  for (let collisions = collisionCount; ; collisions = (collisions ?? 0) + 1) {
    const hash = hashOf(canonical(data), ...(collisions === undefined ? [] : [`#${collisions}`]))
    const { namespace, annotations } = owner.metadata
    const name = `${owner.metadata.name.slice(0, longestPrefix)}-${hash}`
    const labels = { ...template.metadata.labels, [hashLabel]: hash }
    const metadata = { name, namespace, labels, ...(annotations && { annotations }) }
    try {
      const created = await cluster.create(ControllerRevision, { metadata, data, revision } as never, owner)
      return { revision: created, collisionCount: collisions }
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error
      const taken = await cluster.live.get(ControllerRevision, { name, namespace })
      const controller = taken.metadata.ownerReferences?.find((reference) => reference.controller)
      if (controller?.uid === owner.metadata.uid && holds(taken, template)) return { revision: taken, collisionCount: collisions }
    }
  }
}

/** Gives a revision a higher number, which makes it the newest: that is how a rollback is recorded. */
export async function renumber(
  cluster: HistoryCluster,
  revision: ControllerRevision,
  number: number,
): Promise<ControllerRevision> {
  if (Number(revision.revision) === number) return revision
  const changed = edit(revision)
  changed.revision = number
  return cluster.update(ControllerRevision, changed)
}

/** What to delete of `old` (oldest first): revisions beyond the limit that nothing uses any more. */
export function planTruncation(
  old: readonly ControllerRevision[],
  limit: number,
  isLive: (revision: ControllerRevision) => boolean,
): readonly ControllerRevision[] {
  if (limit < 0) return []
  const unused = old.filter((revision) => !isLive(revision))
  return unused.slice(0, Math.max(0, unused.length - limit))
}
