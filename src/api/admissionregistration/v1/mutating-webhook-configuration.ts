/** MutatingWebhookConfiguration: webhooks that are asked about requests. */

import { MatchCondition, RuleWithOperations } from '#api/admissionregistration/v1/rule.ts'
import { staticSuffixWarnings } from '#api/admissionregistration/v1/static-suffix.ts'
import { WebhookClientConfig } from '#api/admissionregistration/v1/webhook.ts'
import { defaultWebhook, validateWebhooks } from '#api/admissionregistration/v1/webhook-validation.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int32, known, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const mutatingWebhook = object('io.k8s.api.admissionregistration.v1.MutatingWebhook', {
  name: always(1, string(), { doc: 'Name with a domain.' }),
  clientConfig: always(2, WebhookClientConfig, { isRequired: true, doc: 'How the webhook is reached.' }),
  rules: optional(3, list(RuleWithOperations, { listType: 'atomic' }), { doc: 'Requests it is asked about.' }),
  failurePolicy: pointer(4, known('Fail', 'Ignore'), { doc: 'Whether an error refuses the request: Fail or Ignore.' }),
  matchPolicy: pointer(9, known('Equivalent', 'Exact')),
  namespaceSelector: pointer(5, LabelSelector),
  objectSelector: pointer(11, LabelSelector),
  sideEffects: pointer(6, known('None', 'NoneOnDryRun', 'Some', 'Unknown'), {
    isRequired: true,
    doc: 'Whether asking changes something elsewhere.',
  }),
  timeoutSeconds: pointer(7, int32(), { doc: 'How long an answer may take.' }),
  admissionReviewVersions: always(8, list(string(), { listType: 'atomic' }), {
    doc: 'Versions of the question that it understands.',
  }),
  reinvocationPolicy: pointer(10, known('IfNeeded', 'Never'), {
    doc: 'Whether it is asked again when others changed the object.',
  }),
  matchConditions: optional(12, list(MatchCondition, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' })),
})
export interface MutatingWebhook extends TypeOf<typeof mutatingWebhook> {}
export const MutatingWebhook: Schema<MutatingWebhook> = mutatingWebhook

const kind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  scope: 'Cluster',
  doc: 'A list of webhooks that the API server asks before it keeps what a request brings.',
  schemaName: 'io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration',
  categories: ['api-extensions'],
  requireVersion: true,
  fields: {
    webhooks: optional(2, list(MutatingWebhook, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), {
      doc: 'The webhooks, in the order in which they are asked.',
    }),
  },
  generationFrom: ['webhooks'],
  defaults({ webhooks = [] }) {
    for (const webhook of webhooks) {
      defaultWebhook(webhook)
      webhook.reinvocationPolicy ??= 'Never'
    }
  },
  validateCreate: ({ webhooks = [] }, at) => validateWebhooks(webhooks, undefined, at.child('webhooks')),
  validateUpdate: ({ webhooks = [] }, old, at) => validateWebhooks(webhooks, old.webhooks ?? [], at.child('webhooks')),
  warnings: staticSuffixWarnings,
  columns: [
    { name: 'Webhooks', type: 'integer', doc: 'How many webhooks it has.', value: ({ webhooks = [] }) => webhooks.length },
    age,
  ],
})

export interface MutatingWebhookConfiguration extends ObjectOf<typeof kind> {}
export const MutatingWebhookConfiguration: Kind<'MutatingWebhookConfiguration', MutatingWebhookConfiguration> = kind
