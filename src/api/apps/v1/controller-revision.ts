/** ControllerRevision: one former state of a StatefulSet or DaemonSet, for rollbacks. */
import { nonNegative } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { age, defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import { always, int64, raw } from '#schema/words.ts'

const kind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  scope: 'Namespaced',
  doc: "A controller revision is an unchanging snapshot of the state of a controller's object.",
  schemaName: 'io.k8s.api.apps.v1.ControllerRevision',
  fields: {
    data: always(2, raw(), { doc: 'The state.' }),
    revision: always(3, int64(), { doc: 'Number of the state.' }),
  },
  validate: ({ metadata, revision }, at) => [
    ...validateFinalizers(metadata, at),
    ...nonNegative(Number(revision), at.child('revision')),
  ],
  validateCreate({ data }, at) {
    const here = at.child('data')
    if (data === undefined || data === null) return [here.required('data is mandatory')]
    const isObject = typeof data === 'object' && !Array.isArray(data)
    return [!isObject && here.required('data must be a valid JSON object')]
  },
  immutable: ['data'],
  columns: [
    { name: 'Controller', doc: 'Whose state it is.', value: controllerText },
    { name: 'Revision', doc: 'Number of the state.', value: ({ revision }) => revision },
    age,
  ],
})

/** `daemonset.apps/name`. */
function controllerText({ metadata }: KubeObject): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller)
  if (!owner) return '<none>'
  const [group] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : ['']
  return `${[owner.kind, group].filter(Boolean).join('.').toLowerCase()}/${owner.name}`
}

export interface ControllerRevision extends ObjectOf<typeof kind> {}
export const ControllerRevision: Kind<'ControllerRevision', ControllerRevision> = kind
