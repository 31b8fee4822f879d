/** Twenty admission policies without webhooks, each of them about all that the benches write, as a cautious administrator keeps them. */
import { ValidatingAdmissionPolicy } from '#api/admissionregistration/v1/validating-admission-policy.ts'
import { ValidatingAdmissionPolicyBinding } from '#api/admissionregistration/v1/validating-admission-policy-binding.ts'
import type { Client } from '#client/client.ts'

/** All of them hold for what the benches write. */
const expressions = [
  "!object.metadata.name.startsWith('kube-')",
  'size(object.metadata.name) < 200',
  "!has(object.metadata.labels) || !('forbidden' in object.metadata.labels)",
  "!has(object.metadata.annotations) || object.metadata.annotations.all(key, !key.startsWith('internal.example.com/'))",
  "request.namespace != 'kube-system' || request.userInfo.username == 'admin'",
  "!has(object.spec) || !has(object.spec.template) || object.spec.template.spec.containers.all(c, !c.image.endsWith(':latest'))",
  '!has(object.spec) || !has(object.spec.replicas) || object.spec.replicas <= 100',
  '!has(object.data) || size(object.data) < 1000',
  '!has(object.spec) || !has(object.spec.template) || !has(object.spec.template.spec.hostNetwork) || !object.spec.template.spec.hostNetwork',
  "!has(object.metadata.ownerReferences) || object.metadata.ownerReferences.all(owner, owner.kind != 'Node')",
]

export async function createPolicies(client: Client): Promise<void> {
  const resourceRules = [
    {
      apiGroups: ['', 'apps'],
      apiVersions: ['v1'],
      operations: ['CREATE', 'UPDATE'],
      resources: ['configmaps', 'deployments', 'pods'],
    },
  ]
  for (let i = 0; i < 20; i++) {
    const name = `bench-${i}`
    await client.create(ValidatingAdmissionPolicy, {
      metadata: { name },
      spec: { matchConstraints: { resourceRules }, validations: [{ expression: expressions[i % expressions.length] as string }] },
    } as never)
    await client.create(ValidatingAdmissionPolicyBinding, {
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    } as never)
  }
}
