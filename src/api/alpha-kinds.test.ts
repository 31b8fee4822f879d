import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { StorageVersion } from '#api/apiserverinternal/v1alpha1/storage-version.ts'
import { PodCertificateRequest } from '#api/certificates/v1beta1/pod-certificate-request.ts'
import { ResourcePoolStatusRequest } from '#api/resource/v1alpha3/resource-pool-status-request.ts'
import { PodGroup } from '#api/scheduling/v1alpha2/pod-group.ts'
import { Workload } from '#api/scheduling/v1alpha2/workload.ts'
import type { Kind } from '#schema/kind.ts'
import { errorsOf, made, statusErrorsOf, updateErrorsOf } from '#testing/errors-of.ts'

const gang = { gang: { minCount: 2 } }

const cases: readonly { readonly kind: Kind; readonly object: object; readonly errors: readonly string[] }[] = [
  { kind: Workload, object: { spec: { podGroupTemplates: [{ name: 'a', schedulingPolicy: gang }] } }, errors: [] },
  { kind: Workload, object: { spec: { podGroupTemplates: [] } }, errors: ['spec.podGroupTemplates: Required value'] },
  {
    kind: Workload,
    object: {
      spec: { podGroupTemplates: Array.from({ length: 9 }, (_, i) => ({ name: `t${i}`, schedulingPolicy: { basic: {} } })) },
    },
    errors: ['spec.podGroupTemplates: Too many: 9: must have at most 8 items'],
  },
  {
    kind: Workload,
    object: {
      spec: {
        controllerRef: { kind: '', name: 'a/b' },
        podGroupTemplates: [{ name: 'a', schedulingPolicy: { gang: { minCount: -1 } }, priority: 2_000_000_000 }],
      },
    },
    errors: [
      'spec.controllerRef.kind: Required value',
      `spec.controllerRef.name: Invalid value: "a/b": may not contain '/'`,
      'spec.podGroupTemplates[0].schedulingPolicy.gang.minCount: Invalid value: -1: must be greater than or equal to 1',
      'spec.podGroupTemplates[0].priority: Invalid value: 2000000000: must be less than or equal to 1000000000',
    ],
  },
  {
    kind: PodGroup,
    object: { spec: { schedulingPolicy: {}, disruptionMode: 'x', schedulingConstraints: { topology: [{ key: '' }] } } },
    errors: [
      'spec.schedulingPolicy: Invalid value: "": must specify one of: `basic`, `gang`',
      'spec.schedulingConstraints.topology[0].key: Required value',
      'spec.disruptionMode: Unsupported value: "x": supported values: "Pod", "PodGroup"',
    ],
  },
  {
    kind: PodGroup,
    object: { spec: { schedulingPolicy: { basic: {}, ...gang } } },
    errors: ['spec.schedulingPolicy: Invalid value: "{basic, gang}": must specify exactly one of: `basic`, `gang`'],
  },
  {
    kind: ResourcePoolStatusRequest,
    object: { spec: { driver: '', poolName: '', limit: 1001 } },
    errors: [
      'spec.driver: Required value: driver name is required',
      'spec.poolName: Invalid value: "": must not be empty when specified',
      'spec.limit: Invalid value: 1001: must not exceed 1000',
    ],
  },
  {
    kind: StorageVersion,
    object: {
      metadata: { name: 'pods' },
      status: { storageVersions: [{ apiServerID: 's', encodingVersion: 'v1', decodableVersions: ['v2'] }] },
    },
    errors: [
      'metadata.name: Invalid value: "pods": name must be in the form of <group>.<resource>',
      'status.storageVersions[0].decodableVersions: Invalid value: ["v2"]: decodableVersions must include encodingVersion v1',
      'status.commonEncodingVersion: Invalid value: null: the common encoding version is v1',
    ],
  },
]

for (const { kind, object, errors } of cases) {
  test(`a ${kind.kind} ${errors.length === 0 ? 'is taken' : `is refused: ${errors[0]}`}`, () => {
    const statusful = { ...kind, def: { ...kind.def, prepare: () => {} } } as Kind
    assert.deepEqual(errorsOf(statusful, object), errors)
  })
}

test('a PodGroup cannot be changed', () => {
  const now = { spec: { schedulingPolicy: { gang: { minCount: 3 } } } }
  const [error = ''] = updateErrorsOf(PodGroup, now, { spec: { schedulingPolicy: gang } })
  assert.match(error, /^spec\.schedulingPolicy: Invalid value: .*: field is immutable$/)
})

const uids = { podUID: 'p', serviceAccountUID: 's', nodeUID: 'n' }
const who = { signerName: 'example.com/s', podName: 'a', serviceAccountName: 'b', nodeName: 'c', ...uids }

function withKey(publicKey: KeyObject, proof: Buffer): object {
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return { spec: { ...who, pkixPublicKey: der.toString('base64'), proofOfPossession: proof.toString('base64') } }
}

const ed25519 = generateKeyPairSync('ed25519')

test('a PodCertificateRequest proves that its sender has the key', () => {
  const p256 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  assert.deepEqual(
    errorsOf(PodCertificateRequest, withKey(ed25519.publicKey, sign(null, Buffer.from('p'), ed25519.privateKey))),
    [],
  )
  assert.deepEqual(
    errorsOf(PodCertificateRequest, withKey(p256.publicKey, sign('sha256', Buffer.from('p'), p256.privateKey))),
    [],
  )
  assert.deepEqual(
    errorsOf(PodCertificateRequest, withKey(ed25519.publicKey, sign(null, Buffer.from('q'), ed25519.privateKey))),
    ['spec.proofOfPossession: Invalid value: "<value omitted>": could not verify proof-of-possession signature'],
  )
  const small = generateKeyPairSync('rsa', { modulusLength: 2048 })
  assert.deepEqual(errorsOf(PodCertificateRequest, withKey(small.publicKey, Buffer.alloc(1))), [
    'spec.pkixPublicKey: Invalid value: "2048-bit modulus": RSA keys must have modulus size 3072 or 4096',
  ])
})

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' })
}

test('a PodCertificateRequest may be a signed request, and is answered once, for its key', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'nami-csr-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = (name: string) => join(directory, name)
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', file('key'))
  openssl('req', '-new', '-key', file('key'), '-subj', '/', '-outform', 'DER', '-out', file('csr'))
  openssl('req', '-x509', '-key', file('key'), '-subj', '/CN=x', '-days', '1', '-out', file('crt'))
  writeFileSync(file('other'), ed25519.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  openssl('req', '-x509', '-key', file('other'), '-subj', '/CN=x', '-days', '1', '-out', file('other.crt'))
  const csr = readFileSync(file('csr'))
  const request = { spec: { ...who, stubPKCS10Request: csr.toString('base64') } }
  assert.deepEqual(errorsOf(PodCertificateRequest, request), [])
  csr[csr.length - 1] = (csr.at(-1) as number) ^ 1
  const [error = ''] = errorsOf(PodCertificateRequest, { spec: { ...who, stubPKCS10Request: csr.toString('base64') } })
  assert.match(error, /^spec\.stubPKCS10Request: Invalid value: "<value omitted>"/)

  const condition = (type: string) => ({
    type,
    status: 'True',
    reason: 'R',
    message: 'm',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  })
  const issued = (name: string) => ({
    ...request,
    status: { conditions: [condition('Issued')], certificateChain: readFileSync(file(name), 'utf8') },
  })
  const statusErrors = (now: object, before: object = request) => statusErrorsOf(PodCertificateRequest, now, before)
  assert.match(statusErrors(issued('other.crt'))[0] ?? '', /leaf certificate was not issued to the requested public key$/)
  assert.deepEqual(
    statusErrors(issued('crt')).map((error) => error.split(':')[0]),
    ['status.notBefore', 'status.notAfter', 'status.beginRefreshAt'],
  )
  const denied = { ...request, status: { conditions: [condition('Denied')] } }
  assert.deepEqual(statusErrors(denied), [])
  assert.match(statusErrors(request, denied)[0] ?? '', /immutable after PodCertificateRequest is issued, denied, or failed$/)
})

test('a signer that names no times gets them, and keeps those of what it said before', () => {
  const denied = (more: object = {}) => ({
    spec: who,
    status: { conditions: [{ type: 'Denied', status: 'True', reason: 'R', message: 'm', ...more }] },
  })
  const prepared = (now: object, before: object) => {
    const [object, old] = [made(PodCertificateRequest, now), made(PodCertificateRequest, before)]
    PodCertificateRequest.def.prepareStatus?.(object, old, '2026-01-02T00:00:00Z')
    return object.status.conditions?.map(({ reason, lastTransitionTime }) => [reason, lastTransitionTime])
  }
  assert.deepEqual(prepared(denied(), { spec: who }), [['R', '2026-01-02T00:00:00Z']])
  assert.deepEqual(statusErrorsOf(PodCertificateRequest, denied(), { spec: who }), [])
  const before = denied({ lastTransitionTime: '2026-01-01T00:00:00Z' })
  assert.deepEqual(prepared(denied({ reason: 'Other' }), before), [['R', '2026-01-01T00:00:00Z']])
  assert.deepEqual(prepared({ spec: who, status: {} }, before), undefined)
})
