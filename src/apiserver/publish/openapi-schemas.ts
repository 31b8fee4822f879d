/** What OpenAPI documents need beside the kinds: lists, options, discovery, watch events, and the bodies of subresources. */
import { TokenRequest } from '#api/authentication/v1/token-request.ts'
import { Scale } from '#api/autoscaling/v1/scale.ts'
import { Binding } from '#api/core/v1/binding.ts'
import { DeleteOptions } from '#api/meta/v1/delete-options.ts'
import { listSchemaOf } from '#api/meta/v1/list-meta.ts'
import { Status } from '#api/meta/v1/status.ts'
import { Eviction } from '#api/policy/v1/eviction.ts'
import type { Kind } from '#schema/kind.ts'
import type { OperationSchemas } from '#schema/openapi.ts'
import { always, boolean, list, type ObjectNode, object, optional, raw, type Schema, string } from '#schema/words.ts'

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1'

const apiResource = object(
  `${meta}.APIResource`,
  {
    categories: optional(7, list(string(), { listType: 'atomic' }), {
      doc: 'Groups of resources that it belongs to, such as all.',
    }),
    group: optional(8, string(), { doc: 'Its group, where that is not the one of the list.' }),
    kind: always(3, string(), { doc: 'Kind of its objects.' }),
    name: always(1, string(), { doc: 'Its plural name.' }),
    namespaced: always(2, boolean(), { doc: 'Whether its objects live in namespaces.' }),
    shortNames: optional(5, list(string(), { listType: 'atomic' }), { doc: 'Shorter names for it.' }),
    singularName: always(6, string(), { doc: 'Its singular name.' }),
    storageVersionHash: optional(10, string(), { doc: 'Tells which version it is stored in.' }),
    verbs: always(4, list(string()), { doc: 'What can be done with it.' }),
    version: optional(9, string(), { doc: 'Its version, where that is not the one of the list.' }),
  },
  { doc: 'A resource: its names and what can be done with it.' },
)

const resourceList = object(
  `${meta}.APIResourceList`,
  {
    apiVersion: optional(0, string(), { doc: 'APIVersion defines group and version of this object.' }),
    groupVersion: always(1, string(), { doc: 'The group and version that is listed.' }),
    kind: optional(0, string(), { doc: 'Kind of this object.' }),
    resources: always(2, list(apiResource, { listType: 'atomic' }), { doc: 'The resources.' }),
  },
  { doc: 'The resources of one group and version.' },
)

const patch = object(`${meta}.Patch`, {}, { doc: 'A patch in one of the forms that the content type names.' })

const watchEvent = object(
  `${meta}.WatchEvent`,
  {
    object: always(2, raw(), { doc: 'The object as it is now, as it was when it was deleted, or a Status.', isRequired: true }),
    type: always(1, string(), { doc: 'ADDED, MODIFIED, DELETED, BOOKMARK or ERROR.' }),
  },
  { doc: 'One event of a watch.' },
)

const bodies: readonly Kind[] = [Binding, Eviction, Scale, TokenRequest]

export const openApiSchemas: OperationSchemas = {
  listOf: listSchemaOf,
  deleteOptions: DeleteOptions as Schema & ObjectNode,
  patch,
  resourceList,
  status: Status as Schema & ObjectNode,
  watchEvent,
  bodyOf: (group, version, kind) =>
    bodies.find((one) => one.group === group && one.version === version && one.kind === kind)?.schema,
}
