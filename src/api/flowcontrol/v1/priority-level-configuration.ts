/** PriorityLevelConfiguration: how many requests of a level run at once, and what happens to the others. */

import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { validateFlowConditions, validatePriorityLevel } from '#api/flowcontrol/v1/validation.ts'
import { metadataOf } from '#api/meta/v1/reset-metadata.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int32, list, object, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const queuingConfiguration = object('io.k8s.api.flowcontrol.v1.QueuingConfiguration', {
  queues: always(1, int32(), { isRequired: false, doc: 'How many queues there are.' }),
  handSize: always(2, int32(), { isRequired: false, doc: 'How many of them one flow may use.' }),
  queueLengthLimit: always(3, int32(), { isRequired: false, doc: 'How many requests fit a queue.' }),
})
export interface QueuingConfiguration extends TypeOf<typeof queuingConfiguration> {}
export const QueuingConfiguration: Schema<QueuingConfiguration> = queuingConfiguration

const limitResponse = object(
  'io.k8s.api.flowcontrol.v1.LimitResponse',
  {
    type: always(1, string(), { doc: 'Queue or Reject.' }),
    queuing: pointer(2, QueuingConfiguration, { doc: 'How requests wait.' }),
  },
  { union: { discriminator: 'type', fields: { queuing: 'Queuing' } } },
)
export interface LimitResponse extends TypeOf<typeof limitResponse> {}
export const LimitResponse: Schema<LimitResponse> = limitResponse

const limitedPriorityLevelConfiguration = object('io.k8s.api.flowcontrol.v1.LimitedPriorityLevelConfiguration', {
  nominalConcurrencyShares: pointer(1, int32(), { doc: 'Share of the seats.' }),
  limitResponse: always(2, LimitResponse, { doc: 'What happens to requests beyond.' }),
  lendablePercent: pointer(3, int32(), { doc: 'How much of its seats others may borrow.' }),
  borrowingLimitPercent: pointer(4, int32(), { doc: 'How much it may borrow.' }),
})
export interface LimitedPriorityLevelConfiguration extends TypeOf<typeof limitedPriorityLevelConfiguration> {}
export const LimitedPriorityLevelConfiguration: Schema<LimitedPriorityLevelConfiguration> = limitedPriorityLevelConfiguration

const exemptPriorityLevelConfiguration = object('io.k8s.api.flowcontrol.v1.ExemptPriorityLevelConfiguration', {
  nominalConcurrencyShares: pointer(1, int32(), { doc: 'Share of the seats.' }),
  lendablePercent: pointer(2, int32(), { doc: 'How much of its seats others may borrow.' }),
})
export interface ExemptPriorityLevelConfiguration extends TypeOf<typeof exemptPriorityLevelConfiguration> {}
export const ExemptPriorityLevelConfiguration: Schema<ExemptPriorityLevelConfiguration> = exemptPriorityLevelConfiguration

const priorityLevelConfigurationSpec = object(
  'io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationSpec',
  {
    type: always(1, string(), { doc: 'Limited or Exempt.' }),
    limited: pointer(2, LimitedPriorityLevelConfiguration, { doc: 'How the level is limited.' }),
    exempt: pointer(3, ExemptPriorityLevelConfiguration, { doc: 'Shares of a level without limits.' }),
  },
  { union: { discriminator: 'type', fields: { exempt: 'Exempt', limited: 'Limited' } } },
)
export interface PriorityLevelConfigurationSpec extends TypeOf<typeof priorityLevelConfigurationSpec> {}
export const PriorityLevelConfigurationSpec: Schema<PriorityLevelConfigurationSpec> = priorityLevelConfigurationSpec

const priorityLevelConfigurationCondition = object('io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationCondition', {
  type: optional(1, string()),
  status: optional(2, string()),
  lastTransitionTime: always(3, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
})
export interface PriorityLevelConfigurationCondition extends TypeOf<typeof priorityLevelConfigurationCondition> {}
export const PriorityLevelConfigurationCondition: Schema<PriorityLevelConfigurationCondition> =
  priorityLevelConfigurationCondition

const priorityLevelConfigurationStatus = object('io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationStatus', {
  conditions: optional(1, list(PriorityLevelConfigurationCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' })),
})
export interface PriorityLevelConfigurationStatus extends TypeOf<typeof priorityLevelConfigurationStatus> {}
export const PriorityLevelConfigurationStatus: Schema<PriorityLevelConfigurationStatus> = priorityLevelConfigurationStatus

const kind = defineKind({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  scope: 'Cluster',
  doc: 'A priority level is a share of what the API server does at once.',
  schemaName: 'io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration',
  fields: {
    spec: always(2, PriorityLevelConfigurationSpec),
    status: always(3, PriorityLevelConfigurationStatus),
  },
  status: true,
  generationFrom: ['spec'],
  prepareStatus(level, old) {
    level.metadata = metadataOf(level.metadata, old.metadata)
  },
  defaults: ({ spec }) => defaultLevel(spec),
  validate: ({ metadata, spec }, at) => [
    ...validateFinalizers(metadata, at),
    ...validatePriorityLevel(metadata.name, spec, at.child('spec')),
  ],
  validateStatusUpdate: ({ status }, _old, at) => validateFlowConditions(status.conditions, at.child('status', 'conditions')),
  columns: [
    { name: 'Type', doc: 'Limited or Exempt.', value: ({ spec }) => spec.type },
    {
      name: 'NominalConcurrencyShares',
      doc: 'Its share of the seats.',
      value: ({ spec: { limited, exempt } }) => (limited ?? exempt)?.nominalConcurrencyShares,
    },
    { name: 'Queues', doc: 'How many queues it has.', value: ({ spec }) => spec.limited?.limitResponse.queuing?.queues },
    {
      name: 'HandSize',
      doc: 'How many queues a flow may use.',
      value: ({ spec }) => spec.limited?.limitResponse.queuing?.handSize,
    },
    {
      name: 'QueueLengthLimit',
      doc: 'How many requests fit a queue.',
      value: ({ spec }) => spec.limited?.limitResponse.queuing?.queueLengthLimit,
    },
    age,
  ],
})

const defaultShares = 30

function defaultLevel({ limited, exempt }: PriorityLevelConfigurationSpec): void {
  if (exempt) {
    exempt.nominalConcurrencyShares ??= 0
    exempt.lendablePercent ??= 0
  }
  if (!limited) return
  limited.nominalConcurrencyShares ??= defaultShares
  limited.lendablePercent ??= 0
  const { queuing } = limited.limitResponse
  if (!queuing) return
  queuing.handSize ||= 8
  queuing.queues ||= 64
  queuing.queueLengthLimit ||= 50
}

export interface PriorityLevelConfiguration extends ObjectOf<typeof kind> {}
export const PriorityLevelConfiguration: Kind<'PriorityLevelConfiguration', PriorityLevelConfiguration> = kind
