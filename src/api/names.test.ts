import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kind } from '#schema/kind.ts'
import { kinds } from './kinds.ts'
import { previewKinds } from './preview-kinds.ts'

/** Upstream's `api/discovery/*.json`: plural, singular, short names, `=` categories. What it gives neither is not listed. */
const golden = `
apps daemonsets daemonset ds =all
apps deployments deployment deploy =all
apps replicasets replicaset rs =all
apps statefulsets statefulset sts =all
admissionregistration.k8s.io mutatingadmissionpolicies mutatingadmissionpolicy =api-extensions
admissionregistration.k8s.io mutatingadmissionpolicybindings mutatingadmissionpolicybinding =api-extensions
admissionregistration.k8s.io mutatingwebhookconfigurations mutatingwebhookconfiguration =api-extensions
admissionregistration.k8s.io validatingadmissionpolicies validatingadmissionpolicy =api-extensions
admissionregistration.k8s.io validatingadmissionpolicybindings validatingadmissionpolicybinding =api-extensions
admissionregistration.k8s.io validatingwebhookconfigurations validatingwebhookconfiguration =api-extensions
apiextensions.k8s.io customresourcedefinitions customresourcedefinition crd crds =api-extensions
apiregistration.k8s.io apiservices apiservice =api-extensions
autoscaling horizontalpodautoscalers horizontalpodautoscaler hpa =all
batch cronjobs cronjob cj =all
batch jobs job =all
certificates.k8s.io certificatesigningrequests certificatesigningrequest csr
core componentstatuses componentstatus cs
core configmaps configmap cm
core endpoints endpoints ep
core events event ev
core limitranges limitrange limits
core namespaces namespace ns
core nodes node no
core persistentvolumeclaims persistentvolumeclaim pvc
core persistentvolumes persistentvolume pv
core pods pod po =all
core replicationcontrollers replicationcontroller rc =all
core resourcequotas resourcequota quota
core serviceaccounts serviceaccount sa
core services service svc =all
events.k8s.io events event ev
networking.k8s.io ingresses ingress ing
networking.k8s.io ipaddresses ipaddress ip
networking.k8s.io networkpolicies networkpolicy netpol
policy poddisruptionbudgets poddisruptionbudget pdb
scheduling.k8s.io priorityclasses priorityclass pc
storage.k8s.io storageclasses storageclass sc
storage.k8s.io volumeattributesclasses volumeattributesclass vac
`

const lines = golden.trim().split('\n')

for (const kind of [...kinds, ...previewKinds]) {
  if (kind.group === 'metrics.k8s.io') continue // is served by a program of its own upstream
  test(`${kind.apiVersion} ${kind.kind} goes by upstream's names`, () => {
    const start = `${kind.group || 'core'} ${kind.plural} `
    const line = lines.find((one) => one.startsWith(start)) ?? `${start}${kind.kind.toLowerCase()}`
    assert.equal(namesOf(kind), line)
  })
}

test('no two kinds of the core groups share a short name', () => {
  const owners = new Map<string, string>()
  for (const { plural, def } of kinds) {
    for (const name of def.shortNames ?? []) {
      assert.equal(owners.get(name) ?? plural, plural, name)
      owners.set(name, plural)
    }
  }
})

function namesOf({ group, plural, kind, def }: Kind): string {
  const { singular = kind.toLowerCase(), shortNames = [], categories = [] } = def
  return [group || 'core', plural, singular, ...shortNames, ...categories.map((category) => `=${category}`)].join(' ')
}
