/** What stands in the way of every write: a webhook that answers, and policies that are bound. */
import type { IncomingMessage } from 'node:http'
import { type TlsBackend, tlsBackend } from '#testing/tls-backend.ts'

export interface Guards extends AsyncDisposable {
  /** Collection and body of each object that sets them up. */
  readonly objects: readonly (readonly [collection: string, body: object])[]
  /** How many reviews the webhook has answered. */
  answered(): number
}

const registration = 'apis/admissionregistration.k8s.io/v1'
const anything = { apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: ['*'] }
/** Of those the webhook is asked: its answers take a connection each. */
const some = { ...anything, apiGroups: ['', 'hostile.test'], resources: ['configmaps', 'things'] }

/** Names that cases do not use, so that they seldom take them away; `restore` puts them back. */
export async function openGuards(): Promise<Guards> {
  let answered = 0
  const hook = await tlsBackend((request, response) => {
    void answer(request).then((body) => {
      answered++
      response.setHeader('content-type', 'application/json')
      response.end(body)
    })
  })
  return {
    objects: [...webhooks(hook), ...policies],
    answered: () => answered,
    [Symbol.asyncDispose]: () => hook[Symbol.asyncDispose](),
  }
}

/** Allows everything, and patches what it was shown: that an object got here whole is half of the test. */
async function answer(request: IncomingMessage): Promise<string> {
  const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()
  const { apiVersion, kind, request: asked } = JSON.parse(body)
  const has = asked.object?.metadata?.annotations
  const operation = { op: 'add', path: '/metadata/annotations', value: { ...has, seen: 'by-the-webhook' } }
  const patch = Buffer.from(JSON.stringify(asked.object ? [operation] : [])).toString('base64')
  const changes = request.url?.startsWith('/change') ? { patchType: 'JSONPatch', patch } : {}
  return JSON.stringify({ apiVersion, kind, response: { uid: asked.uid, allowed: true, warnings: ['seen'], ...changes } })
}

function webhooks({ port, caBundle }: TlsBackend): Guards['objects'] {
  const webhook = (path: string) => ({
    clientConfig: { url: `https://127.0.0.1:${port}/${path}`, caBundle },
    ...{ name: `${path}.guards.test`, sideEffects: 'None', admissionReviewVersions: ['v1'], rules: [some] },
    ...{ failurePolicy: 'Fail', timeoutSeconds: 30 },
  })
  const metadata = { name: 'zz-guards' }
  return [
    [`${registration}/mutatingwebhookconfigurations`, { metadata, webhooks: [webhook('change')] }],
    [`${registration}/validatingwebhookconfigurations`, { metadata, webhooks: [webhook('check')] }],
  ]
}

const metadata = { name: 'zz-guards' }

/** Expressions that walk through whatever an object holds. */
const policies: Guards['objects'] = [
  [
    `${registration}/validatingadmissionpolicies`,
    {
      metadata,
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: [anything] },
        variables: [{ name: 'labels', expression: 'object.metadata.?labels.orValue({})' }],
        validations: [
          {
            expression: 'variables.labels.all(key, !key.startsWith("refused"))',
            messageExpression: '"labels of " + request.name + ": " + string(variables.labels.size())',
          },
          { expression: 'object.metadata.?annotations.orValue({}).all(key, key.size() < 100000)' },
        ],
        auditAnnotations: [{ key: 'who', valueExpression: 'request.userInfo.username' }],
      },
    },
  ],
  [
    `${registration}/validatingadmissionpolicybindings`,
    { metadata, spec: { policyName: 'zz-guards', validationActions: ['Deny', 'Audit'] } },
  ],
  [
    `${registration}/mutatingadmissionpolicies`,
    {
      metadata,
      spec: {
        ...{ failurePolicy: 'Fail', reinvocationPolicy: 'IfNeeded', matchConstraints: { resourceRules: [some] } },
        mutations: [
          {
            patchType: 'ApplyConfiguration',
            applyConfiguration: { expression: 'Object{metadata: Object.metadata{labels: {"guarded": "yes"}}}' },
          },
        ],
      },
    },
  ],
  [`${registration}/mutatingadmissionpolicybindings`, { metadata, spec: { policyName: 'zz-guards' } }],
]
