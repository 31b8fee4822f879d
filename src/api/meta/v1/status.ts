/** Status (`metav1.Status`): the answer where there is no object, and every error. */
import { always, int32, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'
import { ListMeta } from './list-meta.ts'

const statusCause = object('io.k8s.apimachinery.pkg.apis.meta.v1.StatusCause', {
  reason: optional(1, string(), { doc: 'One word for programs.' }),
  message: optional(2, string(), { doc: 'A sentence for people.' }),
  field: optional(3, string(), { doc: 'Path of the field that caused it.' }),
})
export interface StatusCause extends TypeOf<typeof statusCause> {}
export const StatusCause: Schema<StatusCause> = statusCause

const statusDetails = object('io.k8s.apimachinery.pkg.apis.meta.v1.StatusDetails', {
  name: optional(1, string(), { doc: 'Name of the object.' }),
  group: optional(2, string(), { doc: 'Its group.' }),
  kind: optional(3, string(), { doc: 'Its resource or kind.' }),
  uid: optional(6, string(), { doc: 'Its UID.' }),
  causes: optional(4, list(StatusCause, { listType: 'atomic' }), { doc: 'What went wrong, one by one.' }),
  retryAfterSeconds: optional(5, int32(), { doc: 'When to try again.' }),
})
export interface StatusDetails extends TypeOf<typeof statusDetails> {}
export const StatusDetails: Schema<StatusDetails> = statusDetails

const status = object('io.k8s.apimachinery.pkg.apis.meta.v1.Status', {
  apiVersion: optional(0, string()),
  kind: optional(0, string()),
  metadata: always(1, ListMeta),
  status: optional(2, string(), { doc: 'Success or Failure.' }),
  message: optional(3, string(), { doc: 'What happened, for people.' }),
  reason: optional(4, string(), { doc: 'What happened, for programs.' }),
  details: pointer(5, StatusDetails, { doc: 'About which object, and why.' }),
  code: optional(6, int32(), { doc: 'The HTTP status code.' }),
})
export interface Status extends TypeOf<typeof status> {}
export const Status: Schema<Status> = status
