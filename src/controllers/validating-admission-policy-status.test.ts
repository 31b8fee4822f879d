import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ValidatingAdmissionPolicy } from '#api/admissionregistration/v1/validating-admission-policy.ts'
import { testCluster } from '#testing/cluster.ts'
import { validatingAdmissionPolicyStatusController } from './validating-admission-policy-status.ts'

const policy = (expression: string) => ({
  metadata: { name: 'rule' },
  spec: {
    matchConstraints: {
      resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['deployments'] }],
    },
    validations: [{ expression }],
  },
})

test('validatingAdmissionPolicyStatusController warns of fields that the kind does not have', async () => {
  await using cluster = await testCluster({ controllers: [validatingAdmissionPolicyStatusController] })
  await cluster.client.create(ValidatingAdmissionPolicy, policy('object.spec.replicas <= 5 && object.spec.replica > 1') as never)
  await cluster.settle()
  const { status, metadata } = await cluster.client.get(ValidatingAdmissionPolicy, { name: 'rule' })
  assert.equal(status.observedGeneration, metadata.generation)
  const [warning, ...others] = status.typeChecking?.expressionWarnings ?? []
  assert.deepEqual(others, [])
  assert.equal(warning?.fieldRef, 'spec.validations[0].expression')
  assert.equal(
    warning?.warning,
    [
      "apps/v1, Kind=Deployment: compilation failed: ERROR: <input>:1:41: undefined field 'replica'",
      ' | object.spec.replicas <= 5 && object.spec.replica > 1',
      ' | ........................................^\n',
    ].join('\n'),
  )
})

test('validatingAdmissionPolicyStatusController finds nothing wrong with what fits', async () => {
  await using cluster = await testCluster({ controllers: [validatingAdmissionPolicyStatusController] })
  await cluster.client.create(
    ValidatingAdmissionPolicy,
    policy("object.spec.template.spec.containers.all(c, c.image != '')") as never,
  )
  await cluster.settle()
  const { status } = await cluster.client.get(ValidatingAdmissionPolicy, { name: 'rule' })
  assert.deepEqual([status.observedGeneration, status.typeChecking], [1, {}])
})
