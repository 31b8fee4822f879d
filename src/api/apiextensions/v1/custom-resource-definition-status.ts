/** What is observed of a custom resource definition. */
import { always, int64, known, list, object, optional, type Schema, string, type TypeOf, time } from '#schema/words.ts'
import { CustomResourceDefinitionNames, type CustomResourceDefinitionSpec } from './custom-resource-definition-spec.ts'

const group = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'

const condition = object(`${group}.CustomResourceDefinitionCondition`, {
  type: always(
    1,
    known('Established', 'KubernetesAPIApprovalPolicyConformant', 'NamesAccepted', 'NonStructuralSchema', 'Terminating'),
  ),
  status: always(2, known('False', 'True', 'Unknown')),
  lastTransitionTime: always(3, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
  observedGeneration: optional(6, int64()),
})
export interface CustomResourceDefinitionCondition extends TypeOf<typeof condition> {}
export const CustomResourceDefinitionCondition: Schema<CustomResourceDefinitionCondition> = condition

const status = object(`${group}.CustomResourceDefinitionStatus`, {
  conditions: always(1, list(CustomResourceDefinitionCondition, { listType: 'map', mapKeys: ['type'] }), {
    isRequired: false,
    nullWhenEmpty: true,
    doc: 'Whether the names are accepted, the resource is served, and so on.',
  }),
  acceptedNames: always(2, CustomResourceDefinitionNames, { doc: 'Names under which it is served.' }),
  storedVersions: always(3, list(string(), { listType: 'atomic' }), {
    isRequired: false,
    doc: 'Versions that objects may be stored in; none of them may leave the spec.',
  }),
  observedGeneration: optional(4, int64()),
})
export interface CustomResourceDefinitionStatus extends TypeOf<typeof status> {}
export const CustomResourceDefinitionStatus: Schema<CustomResourceDefinitionStatus> = status

/** A definition, for those that its own file imports. */
export interface DefinitionParts {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> | undefined }
  readonly spec: CustomResourceDefinitionSpec
  readonly status: CustomResourceDefinitionStatus
}

export function conditionOf(
  { status }: Pick<DefinitionParts, 'status'>,
  type: CustomResourceDefinitionCondition['type'],
): CustomResourceDefinitionCondition | undefined {
  return status.conditions.find((one) => one.type === type)
}

export function isTrue(definition: Pick<DefinitionParts, 'status'>, type: CustomResourceDefinitionCondition['type']): boolean {
  return conditionOf(definition, type)?.status === 'True'
}
