/** RuntimeClass: how the container runtime runs pods that name it. */

import { nodeLabelWarnings } from '#api/core/v1/node-label-warnings.ts'
import { Toleration } from '#api/core/v1/taint.ts'
import { dnsLabel } from '#api/core/v1/validation/checks.ts'
import { validateResourceRequirements } from '#api/core/v1/validation/resources.ts'
import { validateTolerations } from '#api/core/v1/validation/scheduling.ts'
import { root } from '#schema/field-error.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { immutableErrors, validateLabels } from '#schema/validate.ts'
import { always, list, map, object, optional, pointer, quantity, type Schema, string, type TypeOf } from '#schema/words.ts'

const overhead = object('io.k8s.api.node.v1.Overhead', {
  podFixed: optional(1, map(quantity()), { doc: 'The same for every pod.' }),
})
export interface Overhead extends TypeOf<typeof overhead> {}
export const Overhead: Schema<Overhead> = overhead

const scheduling = object('io.k8s.api.node.v1.Scheduling', {
  nodeSelector: optional(1, map(string(), { atomic: true }), { doc: 'Labels that a node must have.' }),
  tolerations: optional(2, list(Toleration, { listType: 'atomic' }), { doc: 'Tolerations that its pods get.' }),
})
export interface Scheduling extends TypeOf<typeof scheduling> {}
export const Scheduling: Schema<Scheduling> = scheduling

const kind = defineKind({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  scope: 'Cluster',
  doc: 'A runtime class is a configuration of the container runtime that pods can choose.',
  schemaName: 'io.k8s.api.node.v1.RuntimeClass',
  createOnUpdate: true,
  requireVersion: true,
  fields: {
    handler: always(2, string(), { doc: 'Configuration of the container runtime.' }),
    overhead: pointer(3, Overhead, { doc: 'What a pod of the class costs beyond its containers.' }),
    scheduling: pointer(4, Scheduling, { doc: 'Nodes that have the configuration.' }),
  },
  defaults({ scheduling }) {
    for (const toleration of scheduling?.tolerations ?? []) toleration.operator ??= 'Equal'
  },
  validateCreate: ({ handler, overhead, scheduling }, at) => [
    ...dnsLabel(handler, at.child('handler')),
    ...(overhead ? validateResourceRequirements({ limits: overhead.podFixed }, at.child('overhead'), { claims: new Set() }) : []),
    ...validateLabels(scheduling?.nodeSelector, at.child('scheduling', 'nodeSelector')),
    ...validateTolerations(scheduling?.tolerations ?? [], at.child('scheduling', 'tolerations')),
  ],
  warnings: ({ scheduling }) => nodeLabelWarnings(scheduling?.nodeSelector, () => root.child('scheduling', 'nodeSelector')),
  validateUpdate: (now, old, at) => immutableErrors(now.handler, old.handler, at.child('handler')),
  columns: [{ name: 'Handler', doc: 'Configuration of the runtime.', value: ({ handler }) => handler }, age],
})

export interface RuntimeClass extends ObjectOf<typeof kind> {}
export const RuntimeClass: Kind<'RuntimeClass', RuntimeClass> = kind
