/** Namespace: a scope for names, and a unit of ownership. */
import { kubeFinalizerErrors, validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { validateFinalizerName } from '#schema/validate.ts'
import { always, known, list, object, optional, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const namespaceSpec = object('io.k8s.api.core.v1.NamespaceSpec', {
  finalizers: optional(1, list(string(), { listType: 'atomic' }), { doc: 'Who must agree before the namespace is gone.' }),
})
export interface NamespaceSpec extends TypeOf<typeof namespaceSpec> {}
export const NamespaceSpec: Schema<NamespaceSpec> = namespaceSpec

const namespaceCondition = object('io.k8s.api.core.v1.NamespaceCondition', {
  type: always(1, string()),
  status: always(2, string()),
  lastTransitionTime: always(4, time()),
  reason: optional(5, string()),
  message: optional(6, string()),
})
export interface NamespaceCondition extends TypeOf<typeof namespaceCondition> {}
export const NamespaceCondition: Schema<NamespaceCondition> = namespaceCondition

const namespaceStatus = object('io.k8s.api.core.v1.NamespaceStatus', {
  phase: optional(1, known('Active', 'Terminating'), { default: 'Active', doc: 'Active or Terminating.' }),
  conditions: optional(2, list(NamespaceCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'How its deletion goes.',
  }),
})
export interface NamespaceStatus extends TypeOf<typeof namespaceStatus> {}
export const NamespaceStatus: Schema<NamespaceStatus> = namespaceStatus

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  scope: 'Cluster',
  doc: 'A namespace is a scope for the names of objects, and for who may do what.',
  schemaName: 'io.k8s.api.core.v1.Namespace',
  shortNames: ['ns'],
  nameFormat: 'dnsLabel',
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  status: true,
  fields: {
    spec: always(2, NamespaceSpec, { doc: 'What the namespace shall be.' }),
    status: always(3, NamespaceStatus, { doc: 'What was observed; written by the system.' }),
  },
  /** A name that is yet to be generated gets its label in `prepare`. */
  defaults: ({ metadata }) => labelWithName(metadata),
  generationFrom: [],
  subresources: {
    finalize: {
      kind: 'Namespace',
      verbs: ['update'],
      prepare(namespace, old) {
        namespace.status = old.status
      },
      validateUpdate: (namespace, _, at) => validateFinalize(namespace, at),
    },
  },
  prepare(namespace, old) {
    labelWithName(namespace.metadata)
    if (old) {
      namespace.spec = { ...namespace.spec, ...(old.spec.finalizers && { finalizers: old.spec.finalizers }) }
      if (!old.spec.finalizers) delete namespace.spec.finalizers
      namespace.status = old.status
      return
    }
    namespace.status = { phase: 'Active' }
    const finalizers = namespace.spec.finalizers ?? []
    if (!finalizers.includes('kubernetes')) namespace.spec.finalizers = [...finalizers, 'kubernetes']
  },
  validate: ({ metadata, spec }, at) => [
    ...validateFinalizers(metadata, at),
    ...(spec.finalizers ?? []).flatMap((name) => finalizerErrors(name, at.child('spec', 'finalizers'))),
  ],
  validateStatusUpdate({ metadata, status }, _, at) {
    const phase = at.child('status', 'Phase')
    const [expected, when] = metadata.deletionTimestamp ? ['Terminating', 'not empty'] : ['Active', 'empty']
    return [
      status.phase !== expected && phase.invalid(status.phase, `may only be '${expected}' if \`deletionTimestamp\` is ${when}`),
    ]
  },
  columns: [{ name: 'Status', doc: 'Active or Terminating.', value: ({ status }) => status.phase }, age],
  selectable: { 'status.phase': ({ status }) => status.phase },
})

function finalizerErrors(name: string, at: Path): FieldError[] {
  return [...validateFinalizerName(name, at), ...kubeFinalizerErrors(name, at)]
}

/** The rules of `namespaces/finalize`. */
export function validateFinalize({ spec }: { spec: NamespaceSpec }, at: Path): FieldError[] {
  const here = at.child('spec', 'finalizers')
  return (spec.finalizers ?? []).flatMap((name, index) => finalizerErrors(name, here.index(index)))
}

function labelWithName(metadata: { name: string; labels?: Record<string, string> | undefined }): void {
  if (metadata.name) metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name }
}

export interface Namespace extends ObjectOf<typeof kind> {}
export const Namespace: Kind<'Namespace', Namespace> = kind
