import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type ApiException, CoreV1Api, KubeConfig, KubernetesObjectApi, PatchStrategy } from '@kubernetes/client-node'
import { eventually } from '#testing/bed.ts'
import { type ControlPlane, openControlPlane } from '#testing/control-plane.ts'

const group = 'greetings.example.com'
const finalizer = `${group}/clean`
const namespace = 'default'
const program = fileURLToPath(new URL('./operator/greeting-operator.ts', import.meta.url))

const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: greetings.${group} }
spec:
  group: ${group}
  names: { kind: Greeting, plural: greetings }
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      subresources: { status: {} }
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: { type: object, properties: { whom: { type: string } } }
            status: { type: object, x-kubernetes-preserve-unknown-fields: true }
`

let plane: ControlPlane
let config: KubeConfig

before(async () => {
  plane = await openControlPlane()
  config = new KubeConfig()
  config.loadFromFile(plane.kubeconfig)
})
after(async () => {
  await plane?.[Symbol.asyncDispose]()
})

/** Asks until it is so. */
function until<T>(ask: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
  return eventually(async () => {
    const answer = await ask()
    assert(isSo(answer), JSON.stringify(answer))
    return answer
  })
}

test('an operator sees, makes, reports, follows changes and cleans up', async () => {
  const crd = join(plane.files, 'crd.yaml')
  writeFileSync(crd, definition)
  const operator = plane.start(process.execPath, [program, crd])
  const objects = KubernetesObjectApi.makeApiClient(config)
  const core = config.makeApiClient(CoreV1Api)
  try {
    await operator.until(/watching/)
    const meta = { apiVersion: `${group}/v1`, kind: 'Greeting', metadata: { name: 'a', namespace } }
    await objects.create({ ...meta, spec: { whom: 'world' } } as never)
    const read = () => objects.read(meta) as Promise<any>
    const made = await until(read, ({ status }) => status?.state === 'greeted')
    assert.deepEqual(made.metadata.finalizers, [finalizer])
    assert.equal((await core.readNamespacedConfigMap({ namespace, name: 'a' })).data?.text, 'Hello, world!')

    const change = { ...meta, spec: { whom: 'you' } } as never
    // There are no strategic patches of custom resources, which are this library's default.
    await objects.patch(change, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch)
    await until(read, ({ metadata, status }) => metadata.generation === 2 && status?.observedGeneration === 2)
    assert.equal((await core.readNamespacedConfigMap({ namespace, name: 'a' })).data?.text, 'Hello, you!')

    await objects.delete(meta)
    const codeOf = (asked: Promise<unknown>) =>
      asked.then(
        () => 200,
        (error: ApiException<unknown>) => error.code,
      )
    await until(
      () => codeOf(read()),
      (code) => code === 404,
    )
    assert.match(operator.printed(), /^cleaned a$/m)
    assert.equal(await codeOf(core.readNamespacedConfigMap({ namespace, name: 'a' })), 404)
  } finally {
    await operator.stop()
  }
})
