/** APIService: who serves one version of a group, this server or an extension of it. */
import { resetMetadata } from '#api/meta/v1/reset-metadata.ts'
import { type FieldError, type Path, root } from '#schema/field-error.ts'
import { isDns1035Label, isDns1123Subdomain, isPathSegmentName, isValidPortNum } from '#schema/formats.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  boolean,
  bytes,
  int32,
  known,
  list,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const group = 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1'

const serviceReference = object(`${group}.ServiceReference`, {
  namespace: optional(1, string()),
  name: optional(2, string()),
  port: pointer(3, int32(), { default: 443, doc: 'Port of the service.' }),
})

const spec = object(`${group}.APIServiceSpec`, {
  service: pointer(1, serviceReference, { doc: 'The service that answers; absent where this server does.' }),
  group: optional(2, string(), { doc: 'API group that is served.' }),
  version: optional(3, string(), { doc: 'Its version.' }),
  insecureSkipTLSVerify: optional(4, boolean(), { doc: "The service's certificate is not checked." }),
  caBundle: optional(5, bytes(), { doc: "Certificates that the service's one is checked with (PEM)." }),
  groupPriorityMinimum: always(7, int32(), { doc: 'Rank of the group among the groups, the highest first.' }),
  versionPriority: always(8, int32(), { doc: 'Rank of the version within its group, the highest first.' }),
})
export interface APIServiceSpec extends TypeOf<typeof spec> {}

const condition = object(`${group}.APIServiceCondition`, {
  type: always(1, known('Available')),
  status: always(2, known('False', 'True', 'Unknown')),
  lastTransitionTime: always(3, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
})
export interface APIServiceCondition extends TypeOf<typeof condition> {}
export const APIServiceCondition: Schema<APIServiceCondition> = condition

const kind = defineKind({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  scope: 'Cluster',
  doc: 'An API service says who serves one version of an API group.',
  schemaName: `${group}.APIService`,
  storagePrefix: 'apiregistration.k8s.io/apiservices',
  categories: ['api-extensions'],
  nameFormat: 'any',
  status: true,
  requireVersion: true,
  generationFrom: [],
  prepareStatus: (service, old) => resetMetadata(service.metadata, old.metadata),
  fields: {
    spec: always(2, spec, { doc: 'Who serves what.' }),
    status: always(
      3,
      object(`${group}.APIServiceStatus`, {
        conditions: optional(1, list(APIServiceCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
          doc: 'Whether the service can be reached.',
        }),
      }),
      { doc: 'Whether it answers.' },
    ),
  },
  columns: [
    {
      name: 'Service',
      doc: 'The reference to the service that hosts this API endpoint.',
      value: ({ spec: { service } }) => (service ? `${service.namespace ?? ''}/${service.name ?? ''}` : 'Local'),
    },
    { name: 'Available', doc: 'Whether this service is available.', value: ({ status }) => availabilityOf(status.conditions) },
    age,
  ],
  prepare(service, old) {
    service.status = old?.status ?? {}
    const { creationTimestamp } = service.metadata
    if (!old && !service.spec.service) service.status = { conditions: [localCondition(creationTimestamp as string)] }
  },
  validate: ({ metadata, spec }, at) => [...nameErrors(metadata.name, spec, at), ...specErrors(spec)],
  validateStatusUpdate: ({ status }, _old, at) =>
    (status.conditions ?? []).flatMap(({ status: value }, i) => {
      const values = ['True', 'False', 'Unknown']
      return values.includes(value) ? [] : [at.child('status', 'conditions').index(i).child('status').notSupported(value, values)]
    }),
})

export interface APIService extends ObjectOf<typeof kind> {}
export const APIService: Kind<'APIService', APIService> = kind

/** This server is always there for what it serves itself. */
function localCondition(lastTransitionTime: string): APIServiceCondition {
  return {
    type: 'Available',
    status: 'True',
    lastTransitionTime,
    reason: 'Local',
    message: 'Local APIServices are always available',
  }
}

function availabilityOf(conditions: readonly APIServiceCondition[] = []): string {
  const found = conditions.find(({ type }) => type === 'Available')
  if (!found) return 'Unknown'
  return found.status !== 'True' && found.reason ? `${found.status} (${found.reason})` : found.status
}

function nameErrors(name: string, spec: APIServiceSpec, at: Path): FieldError[] {
  const here = at.child('metadata', 'name')
  const problems = isPathSegmentName(name)
  if (problems.length > 0) return problems.map((problem) => here.invalid(name, problem))
  const wanted = `${spec.version ?? ''}.${spec.group ?? ''}`
  return name === wanted ? [] : [here.invalid(name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`)]
}

function specErrors({ group: name = '', version = '', ...rest }: APIServiceSpec): FieldError[] {
  const at = root.child('spec')
  const { groupPriorityMinimum, versionPriority } = rest
  const legacy = 'only v1 may have an empty group and it better be legacy kube'
  return [
    ...(name === '' && version !== 'v1' ? [at.child('group').required(legacy)] : []),
    ...(name === '' ? [] : isDns1123Subdomain(name)).map((problem) => at.child('group').invalid(name, problem)),
    ...isDns1035Label(version).map((problem) => at.child('version').invalid(version, problem)),
    ...priorityErrors(groupPriorityMinimum, 20000, at.child('groupPriorityMinimum')),
    ...priorityErrors(versionPriority, 1000, at.child('versionPriority')),
    ...(rest.service ? serviceErrors(rest, at) : localErrors(rest, at)),
  ]
}

function priorityErrors(priority: number, most: number, at: Path): FieldError[] {
  return priority > 0 && priority <= most ? [] : [at.invalid(priority, `must be positive and less than ${most}`)]
}

type Rest = Pick<APIServiceSpec, 'service' | 'caBundle' | 'insecureSkipTLSVerify'>

function localErrors({ caBundle, insecureSkipTLSVerify }: Rest, at: Path): FieldError[] {
  const size = Buffer.from(caBundle ?? '', 'base64').length
  return [
    ...(size > 0 ? [at.child('caBundle').invalid(`${size} bytes`, 'local APIServices may not have a caBundle')] : []),
    ...(insecureSkipTLSVerify
      ? [at.child('insecureSkipTLSVerify').invalid(true, 'local APIServices may not have insecureSkipTLSVerify')]
      : []),
  ]
}

function serviceErrors({ service, caBundle, insecureSkipTLSVerify }: Rest, at: Path): FieldError[] {
  const here = at.child('service')
  const port = service?.port ?? 443
  const problems = isValidPortNum(port)
  return [
    ...(service?.namespace ? [] : [here.child('namespace').required()]),
    ...(service?.name ? [] : [here.child('name').required()]),
    ...(problems.length > 0 ? [here.child('port').invalid(port, `port is not valid: ${problems.join(', ')}`)] : []),
    ...(insecureSkipTLSVerify && caBundle
      ? [at.child('insecureSkipTLSVerify').invalid(true, 'may not be true if caBundle is present')]
      : []),
  ]
}
