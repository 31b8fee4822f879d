import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultPlugins, orderedPlugins } from './chain.ts'
import { admissionPlugins } from './settings.ts'

const names = (plugins: readonly { name: string }[]) => plugins.map(({ name }) => name)

/** `AllOrderedPlugins` of upstream's `kubeapiserver/options/plugins.go`; what is off by default stands in brackets. */
const upstream = `
  [AlwaysAdmit] [NamespaceAutoProvision] NamespaceLifecycle [NamespaceExists] [LimitPodHardAntiAffinityTopology] LimitRanger
  ServiceAccount [NodeRestriction] TaintNodesByCondition [AlwaysPullImages] [ImagePolicyWebhook] PodSecurity [PodNodeSelector]
  Priority DefaultTolerationSeconds [PodTolerationRestriction] [EventRateLimit] [ExtendedResourceToleration] DefaultStorageClass
  StorageObjectInUseProtection PodGroupProtection [OwnerReferencesPermissionEnforcement] PersistentVolumeClaimResize RuntimeClass
  CertificateApproval CertificateSigning ClusterTrustBundleAttest CertificateSubjectRestriction DefaultIngressClass
  [DenyServiceExternalIPs] PodTopologyLabels PodGroupWorkloadExists NodeDeclaredFeatureValidator JobValidation PodResizeValidator
  MutatingAdmissionPolicy MutatingAdmissionWebhook ValidatingAdmissionPolicy ValidatingAdmissionWebhook ResourceQuota [AlwaysDeny]`

test('orderedPlugins are upstream’s, in its order, and on where its are; NodeRestriction too, as installers have it', () => {
  const found = orderedPlugins.map(({ name, isDefault }) => (isDefault && name !== 'NodeRestriction' ? name : `[${name}]`))
  assert.deepEqual(found, upstream.trim().split(/\s+/))
})

test('admissionPlugins() turns plugins on and off in their places', () => {
  const found = names(admissionPlugins({ enable: ['AlwaysPullImages'], disable: ['ServiceAccount'] }))
  assert.equal(found.includes('ServiceAccount'), false)
  assert.ok(found.indexOf('AlwaysPullImages') < found.indexOf('PodSecurity'))
  assert.equal(found.at(-1), 'RBACEscalation')
  assert.equal(admissionPlugins({}), defaultPlugins)
})

test('admissionPlugins() tells every wrong name', () => {
  assert.throws(() => admissionPlugins({ enable: ['Nope', 'Priority'], disable: ['Neither', 'Priority'] }), {
    message: [
      'enable-admission-plugins plugin "Nope" is unknown',
      'disable-admission-plugins plugin "Neither" is unknown',
      '[Priority] in enable-admission-plugins and disable-admission-plugins overlapped',
    ].join('\n'),
  })
})

test('admissionPlugins() hands each plugin its configuration', () => {
  const file = (body: string) => `apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n${body}`
  const podSecurity = 'apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\n'
  const inline = file(
    '- name: PodSecurity\n  configuration:\n    apiVersion: pod-security.admission.config.k8s.io/v1\n    kind: PodSecurityConfiguration\n    defaults:\n      enforce: tough\n',
  )
  const message =
    'couldn\'t init admission plugin "PodSecurity": defaults.enforce: Invalid value: "tough": must be one of privileged, baseline, restricted'
  assert.throws(() => admissionPlugins({ configuration: inline }), { message })
  const readFile = (path: string) => (path === 'p.yaml' ? `${podSecurity}defaults: {enforce: tough}` : '')
  const beside = file('- name: PodSecurity\n  path: p.yaml\n')
  assert.throws(() => admissionPlugins({ configuration: beside, readFile }), { message })
  const refusals = [
    ['kind: Pod', "Object 'apiVersion' is missing in 'kind: Pod'"],
    ['apiVersion: v1', "Object 'Kind' is missing in 'apiVersion: v1'"],
    [
      '{apiVersion: v1, kind: Pod}',
      'no kind "Pod" is registered for version "v1" in scheme "pkg/server/options/admission.go:51"',
    ],
    [file('- name: PodSecurity\n  pth: x\n'), 'strict decoding error: unknown field "plugins[0].pth"'],
  ] as const
  for (const [configuration, message] of refusals) assert.throws(() => admissionPlugins({ configuration }), { message })
  const misspelled = (text: string) => admissionPlugins({ configuration: beside, readFile: () => `${podSecurity}${text}` })
  const couldNot = 'couldn\'t init admission plugin "PodSecurity": strict decoding error: '
  assert.throws(() => misspelled('exemption: {}'), { message: `${couldNot}unknown field "exemption"` })
  assert.throws(() => admissionPlugins({ enable: ['EventRateLimit'] }), /must have at least one limit/)
})
