/** LimitRange: bounds and defaults for the resources of single objects of a namespace. */
import { roundUp } from '#api/core/v1/pod-defaults.ts'
import { validateLimitRange } from '#api/core/v1/validation/limit-range.ts'
import { createdAt, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, list, map, object, optional, quantity, type Schema, string, type TypeOf } from '#schema/words.ts'

const limitRangeItem = object('io.k8s.api.core.v1.LimitRangeItem', {
  type: always(1, string(), { doc: 'Pod, Container or PersistentVolumeClaim.' }),
  max: optional(2, map(quantity()), { doc: 'The most that one may have.' }),
  min: optional(3, map(quantity()), { doc: 'The least that one must have.' }),
  default: optional(4, map(quantity()), { doc: 'Limits where none are given.' }),
  defaultRequest: optional(5, map(quantity()), { doc: 'Requests where none are given.' }),
  maxLimitRequestRatio: optional(6, map(quantity()), { doc: 'How many times its request a limit may be.' }),
})
export interface LimitRangeItem extends TypeOf<typeof limitRangeItem> {}
export const LimitRangeItem: Schema<LimitRangeItem> = limitRangeItem

const limitRangeSpec = object('io.k8s.api.core.v1.LimitRangeSpec', {
  limits: always(1, list(LimitRangeItem, { listType: 'atomic' }), {
    nullWhenEmpty: true,
    doc: 'The limits, one for each sort of object.',
  }),
})
export interface LimitRangeSpec extends TypeOf<typeof limitRangeSpec> {}
export const LimitRangeSpec: Schema<LimitRangeSpec> = limitRangeSpec

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  scope: 'Namespaced',
  doc: 'A limit range bounds the resources that single objects of its namespace may ask for.',
  schemaName: 'io.k8s.api.core.v1.LimitRange',
  shortNames: ['limits'],
  createOnUpdate: true,
  fields: {
    spec: always(2, LimitRangeSpec, { doc: 'The limits.' }),
  },
  defaults({ spec }) {
    for (const item of spec.limits) defaultItem(item)
  },
  validate: ({ metadata, spec }, at) => validateLimitRange(metadata, spec, at),
  columns: [createdAt],
})

/** A container's limit is the greatest allowed, its request that limit, or else the least allowed. */
function defaultItem(item: LimitRangeItem): void {
  roundUp(item.max, item.min, item.default, item.defaultRequest, item.maxLimitRequestRatio)
  if (item.type !== 'Container') return
  item.default = { ...item.max, ...item.default }
  item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest }
}

export interface LimitRange extends ObjectOf<typeof kind> {}
export const LimitRange: Kind<'LimitRange', LimitRange> = kind
