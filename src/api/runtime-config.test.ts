import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from './kinds.ts'
import { previewKinds } from './preview-kinds.ts'
import { enabledKinds } from './runtime-config.ts'

const all = [...kinds, ...previewKinds]
const served = (config: string) => new Set(enabledKinds(all, config).map(({ apiVersion, plural }) => `${apiVersion}/${plural}`))

test('enabledKinds() serves stable versions alone unless told otherwise', () => {
  assert.deepEqual(enabledKinds(all, undefined), kinds)
})

const cases = [
  {
    config: 'api/beta=true',
    on: ['resource.k8s.io/v1beta2/resourceclaims'],
    off: ['coordination.k8s.io/v1alpha2/leasecandidates'],
  },
  {
    config: 'api/alpha',
    on: ['coordination.k8s.io/v1alpha2/leasecandidates'],
    off: ['coordination.k8s.io/v1beta1/leasecandidates'],
  },
  { config: 'api/all=true', on: ['certificates.k8s.io/v1alpha1/clustertrustbundles', 'apps/v1/deployments'], off: [] },
  { config: 'api/all=false', on: ['v1/pods'], off: ['apps/v1/deployments'] },
  { config: 'api/ga=false,apps/v1=true', on: ['v1/pods', 'apps/v1/deployments'], off: ['storage.k8s.io/v1/storageclasses'] },
  {
    config: 'storage.k8s.io/v1beta1=1',
    on: ['storage.k8s.io/v1beta1/volumeattributesclasses'],
    off: ['resource.k8s.io/v1beta2/resourceclaims'],
  },
  {
    config: 'api/all=true,resource.k8s.io/v1beta2=false',
    on: ['resource.k8s.io/v1/resourceclaims'],
    off: ['resource.k8s.io/v1beta2/resourceclaims'],
  },
  {
    config: 'resource.k8s.io/v1beta2/devicetaintrules=true',
    on: ['resource.k8s.io/v1beta2/devicetaintrules'],
    off: ['resource.k8s.io/v1beta2/deviceclasses'],
  },
  { config: 'apps/v1beta9=true', on: ['apps/v1/deployments'], off: [] },
]

for (const { config, on, off } of cases) {
  test(`enabledKinds() of ${config}`, () => {
    const found = served(config)
    for (const name of on) assert(found.has(name), `${name} is served`)
    for (const name of off) assert(!found.has(name), `${name} is not served`)
  })
}

const refused = [
  { config: 'nonsense=true', message: /invalid key nonsense/ },
  { config: 'no.such/v1=true', message: /unknown api groups no\.such/ },
  { config: 'api/beta=perhaps', message: /invalid value of api\/beta=perhaps/ },
]

for (const { config, message } of refused) {
  test(`enabledKinds() refuses ${config}`, () => assert.throws(() => enabledKinds(all, config), message))
}

test('atVersion() shares the fields of the stable version, with structs of its own name', () => {
  const claim = previewKinds.find(({ kind, version }) => kind === 'ResourceClaim' && version === 'v1beta2')
  assert(claim)
  assert.equal(claim.schema.name, 'io.k8s.api.resource.v1beta2.ResourceClaim')
  const spec = claim.schema.fields.spec?.schema as { name: string } | undefined
  assert.equal(spec?.name, 'io.k8s.api.resource.v1beta2.ResourceClaimSpec')
  const stored = claim.def.storedAs?.toStored({ apiVersion: claim.apiVersion }) as { apiVersion: string }
  assert.equal(stored.apiVersion, 'resource.k8s.io/v1')
})
