/** ValidatingWebhookConfiguration: webhooks that are asked about requests. */

import { MatchCondition, RuleWithOperations } from '#api/admissionregistration/v1/rule.ts'
import { staticSuffixWarnings } from '#api/admissionregistration/v1/static-suffix.ts'
import { WebhookClientConfig } from '#api/admissionregistration/v1/webhook.ts'
import { defaultWebhook, validateWebhooks } from '#api/admissionregistration/v1/webhook-validation.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int32, known, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const validatingWebhook = object('io.k8s.api.admissionregistration.v1.ValidatingWebhook', {
  name: always(1, string(), { doc: 'Name with a domain.' }),
  clientConfig: always(2, WebhookClientConfig, { isRequired: true, doc: 'How the webhook is reached.' }),
  rules: optional(3, list(RuleWithOperations, { listType: 'atomic' }), { doc: 'Requests it is asked about.' }),
  failurePolicy: pointer(4, known('Fail', 'Ignore'), { doc: 'Whether an error refuses the request: Fail or Ignore.' }),
  matchPolicy: pointer(9, known('Equivalent', 'Exact')),
  namespaceSelector: pointer(5, LabelSelector),
  objectSelector: pointer(10, LabelSelector),
  sideEffects: pointer(6, known('None', 'NoneOnDryRun', 'Some', 'Unknown'), {
    isRequired: true,
    doc: 'Whether asking changes something elsewhere.',
  }),
  timeoutSeconds: pointer(7, int32(), { doc: 'How long an answer may take.' }),
  admissionReviewVersions: always(8, list(string(), { listType: 'atomic' }), {
    doc: 'Versions of the question that it understands.',
  }),
  matchConditions: optional(11, list(MatchCondition, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' })),
})
export interface ValidatingWebhook extends TypeOf<typeof validatingWebhook> {}
export const ValidatingWebhook: Schema<ValidatingWebhook> = validatingWebhook

const kind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  scope: 'Cluster',
  doc: 'A list of webhooks that the API server asks before it keeps what a request brings.',
  schemaName: 'io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration',
  categories: ['api-extensions'],
  requireVersion: true,
  fields: {
    webhooks: optional(2, list(ValidatingWebhook, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), {
      doc: 'The webhooks.',
    }),
  },
  generationFrom: ['webhooks'],
  defaults: ({ webhooks = [] }) => webhooks.forEach(defaultWebhook),
  validateCreate: ({ webhooks = [] }, at) => validateWebhooks(webhooks, undefined, at.child('webhooks')),
  validateUpdate: ({ webhooks = [] }, old, at) => validateWebhooks(webhooks, old.webhooks ?? [], at.child('webhooks')),
  warnings: staticSuffixWarnings,
  columns: [
    { name: 'Webhooks', type: 'integer', doc: 'How many webhooks it has.', value: ({ webhooks = [] }) => webhooks.length },
    age,
  ],
})

export interface ValidatingWebhookConfiguration extends ObjectOf<typeof kind> {}
export const ValidatingWebhookConfiguration: Kind<'ValidatingWebhookConfiguration', ValidatingWebhookConfiguration> = kind
