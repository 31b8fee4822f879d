import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { CustomObjectsApi, KubeConfig, makeInformer } from '@kubernetes/client-node'
import { type ControlPlane, openControlPlane } from '#testing/control-plane.ts'
import { realClients } from '#testing/real-clients.ts'

const { kubectl: program, missing: skip } = realClients()
let plane: ControlPlane

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: crontabs.stable.example.com
spec:
  group: stable.example.com
  scope: Namespaced
  names: { plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct], categories: [all] }
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: { specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas }
    schema:
      openAPIV3Schema:
        type: object
        description: A table of things to do.
        properties:
          spec:
            type: object
            x-kubernetes-validations:
            - rule: self.replicas <= self.maxReplicas
              message: replicas should be smaller than or equal to maxReplicas.
            required: [replicas, maxReplicas]
            properties:
              cronSpec: { type: string, description: When to do it., pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$' }
              image: { type: string }
              replicas: { type: integer, minimum: 1, maximum: 10 }
              maxReplicas: { type: integer, default: 10 }
          status:
            type: object
            properties: { replicas: { type: integer } }
    selectableFields:
    - jsonPath: .spec.image
    additionalPrinterColumns:
    - { name: Spec, type: string, jsonPath: .spec.cronSpec, description: The cron spec defining the interval a CronJob is run }
    - { name: Replicas, type: integer, jsonPath: .spec.replicas }
    - { name: Image, type: string, jsonPath: .spec.image, priority: 1 }
    - { name: Age, type: date, jsonPath: .metadata.creationTimestamp }
`

const crontab = (spec: string, name = 'mine') =>
  `apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: { name: ${name} }\nspec: ${spec}\n`

before(async () => {
  if (!skip) plane = await openControlPlane()
})
after(async () => {
  await plane?.[Symbol.asyncDispose]()
})

async function kubectl(line: string, stdin?: string) {
  return plane.run(program, line.split(' '), { ...(stdin !== undefined && { stdin }) })
}

async function ok(line: string, stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await kubectl(line, stdin)
  assert.equal(code, 0, `kubectl ${line}: ${stderr}${stdout}`)
  return stdout.trimEnd()
}

async function refused(line: string, stdin?: string): Promise<string> {
  const { code, stderr } = await kubectl(line, stdin)
  assert.equal(code, 1, `kubectl ${line} succeeded`)
  return stderr.trimEnd()
}

test('kubectl applies a definition and at once an object of it', { skip }, async () => {
  assert.equal(
    await ok('apply -f -', definition),
    'customresourcedefinition.apiextensions.k8s.io/crontabs.stable.example.com created',
  )
  await ok('wait --for=condition=established crd/crontabs.stable.example.com --timeout=5s')
  const made = await ok('apply -f -', crontab('{ cronSpec: "* * * * */5", image: mine:1, replicas: 2 }'))
  assert.equal(made, 'crontab.stable.example.com/mine created')
  assert.equal(
    await ok('apply -f -', crontab('{ cronSpec: "* * * * */5", image: mine:1, replicas: 2 }')),
    'crontab.stable.example.com/mine unchanged',
  )
  assert.equal(
    await ok('apply -f -', crontab('{ cronSpec: "* * * * */5", image: mine:2, replicas: 3 }')),
    'crontab.stable.example.com/mine configured',
  )
  assert.equal(
    await ok('apply --server-side -f -', crontab('{ image: other:1, replicas: 1 }', 'other')),
    'crontab.stable.example.com/other serverside-applied',
  )
  await ok('delete ct other')
})

test('kubectl get shows the columns of the definition, by any of its names', { skip }, async () => {
  const shown = (await ok('get ct')).split('\n').map((line) => line.split(/\s{2,}/))
  assert.deepEqual(shown[0], ['NAME', 'SPEC', 'REPLICAS', 'AGE'])
  assert.deepEqual(shown[1]?.slice(0, 3), ['mine', '* * * * */5', '3'])
  assert.match(await ok('get crontab -o wide'), /IMAGE +AGE\nmine .* mine:2 /)
  assert.match(await ok('get all'), /crontab\.stable\.example\.com\/mine/)
  assert.equal(await ok('get crontabs --field-selector spec.image=mine:2 -o name'), 'crontab.stable.example.com/mine')
  assert.equal(await ok('get crontabs --field-selector spec.image=x -o name'), '')
  assert.match(
    await ok('api-resources --api-group=stable.example.com --no-headers'),
    /^crontabs +ct +stable\.example\.com\/v1 +true +CronTab$/,
  )
})

test('kubectl explains what the definition says', { skip }, async () => {
  const text = await ok('explain crontab.spec')
  assert.match(text, /GROUP: +stable\.example\.com\nKIND: +CronTab\nVERSION: +v1/)
  assert.match(text, /cronSpec\t<string>\n +When to do it\./)
})

test('kubectl is told what is wrong, by the server and before', { skip }, async () => {
  const strict = await refused('apply -f -', crontab('{ replicas: 1, nonsense: 1 }', 'x'))
  assert.match(strict, /strict decoding error: unknown field "spec\.nonsense"/)
  const invalid = await refused('create -f -', crontab('{ replicas: 11, maxReplicas: 20 }', 'x'))
  assert.match(
    invalid,
    /The CronTab "x" is invalid: spec\.replicas: Invalid value: 11: spec\.replicas in body should be less than or equal to 10/,
  )
  const rule = await refused('create -f -', crontab('{ replicas: 5, maxReplicas: 2 }', 'x'))
  assert.match(rule, /spec: Invalid value: replicas should be smaller than or equal to maxReplicas\./)
})

test('kubectl scales, patches and edits status', { skip }, async () => {
  assert.equal(await ok('scale ct mine --replicas=4'), 'crontab.stable.example.com/mine scaled')
  assert.equal(
    await ok('patch ct mine --subresource=status --type=merge -p {"status":{"replicas":4}}'),
    'crontab.stable.example.com/mine patched',
  )
  assert.equal(await ok('get ct mine -o jsonpath={.spec.replicas}/{.status.replicas}/{.metadata.generation}'), '4/4/3')
})

test('CustomObjectsApi and informers of @kubernetes/client-node see custom resources', { skip }, async () => {
  const config = new KubeConfig()
  config.loadFromFile(plane.kubeconfig)
  const api = config.makeApiClient(CustomObjectsApi)
  const at = { group: 'stable.example.com', version: 'v1', namespace: 'default', plural: 'crontabs' }
  const path = '/apis/stable.example.com/v1/namespaces/default/crontabs'
  const informer = makeInformer(config, path, () => api.listNamespacedCustomObject(at))
  const seen: string[] = []
  const added = new Promise<void>((resolve) => {
    informer.on('add', ({ metadata }) => {
      seen.push(metadata?.name ?? '')
      if (seen.includes('later')) resolve()
    })
  })
  await informer.start()
  const body = { apiVersion: 'stable.example.com/v1', kind: 'CronTab', metadata: { name: 'later' }, spec: { replicas: 1 } }
  await api.createNamespacedCustomObject({ ...at, body })
  await added
  await informer.stop()
  assert.deepEqual(seen, ['mine', 'later'])
  const found = await api.getNamespacedCustomObject({ ...at, name: 'later' })
  assert.equal(found.spec.maxReplicas, 10)
})

test('a namespace takes its custom resources with it, owners take their dependents', { skip }, async () => {
  await ok('create namespace short')
  await ok('apply -n short -f -', crontab('{ replicas: 1 }'))
  await ok('delete namespace short --timeout=30s')
  await ok('create configmap dependent')
  const uid = await ok('get ct later -o jsonpath={.metadata.uid}')
  const owner = { apiVersion: 'stable.example.com/v1', kind: 'CronTab', name: 'later', uid }
  const path = join(plane.files, 'patch.json')
  writeFileSync(path, JSON.stringify({ metadata: { ownerReferences: [owner] } }))
  await ok(`patch configmap dependent --type=merge --patch-file=${path}`)
  await ok('delete ct later')
  await ok('wait --for=delete configmap/dependent --timeout=30s')
})

test('deleting the definition deletes the objects, and kubectl forgets the resource', { skip }, async () => {
  await ok('delete crd crontabs.stable.example.com --timeout=30s')
  assert.match(await refused('get crontabs'), /the server could not find the requested resource/)
  assert.deepEqual(plane.errors, [])
})
