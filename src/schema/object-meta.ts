/** ObjectMeta, which every kind carries (`metav1.ObjectMeta`). It stands here since `defineKind` adds it to each kind. */
import {
  always,
  boolean,
  int64,
  list,
  map,
  object,
  optional,
  pointer,
  raw,
  type Schema,
  string,
  type TypeOf,
  time,
} from './words.ts'

const ownerReference = object(
  'io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference',
  {
    apiVersion: always(5, string(), { doc: 'Group and version of the owner.' }),
    kind: always(1, string(), { doc: 'Kind of the owner.' }),
    name: always(3, string(), { doc: 'Name of the owner, in the same namespace unless the owner has none.' }),
    uid: always(4, string(), { doc: 'UID of the owner, which tells it from a later one of the same name.' }),
    controller: pointer(6, boolean(), { doc: 'Whether the owner is the one controller that manages this object.' }),
    blockOwnerDeletion: pointer(7, boolean(), {
      doc: 'Whether a foreground deletion of the owner waits until this object is gone.',
    }),
  },
  { atomic: true },
)
export interface OwnerReference extends TypeOf<typeof ownerReference> {}
export const OwnerReference: Schema<OwnerReference> = ownerReference

const managedFieldsEntry = object('io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry', {
  manager: optional(1, string(), { doc: 'Name of the workflow that set the fields.' }),
  operation: optional(2, string(), { doc: 'How they were set: Apply or Update.' }),
  apiVersion: optional(3, string(), { doc: 'Version of the object that the field paths refer to.' }),
  time: optional(4, time(), { doc: 'When an entry was last added, or a field of it changed.' }),
  fieldsType: optional(6, string(), { doc: 'Format of the field set; only FieldsV1 exists.' }),
  fieldsV1: optional(7, raw(), { doc: 'The set of fields.' }),
  subresource: optional(8, string(), { doc: 'The subresource through which they were set, empty for the object itself.' }),
})
export interface ManagedFieldsEntry extends TypeOf<typeof managedFieldsEntry> {}
export const ManagedFieldsEntry: Schema<ManagedFieldsEntry> = managedFieldsEntry

const objectMeta = object('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta', {
  name: optional(1, string(), { doc: 'Name, unique within the namespace for its kind; cannot be changed.' }),
  generateName: optional(2, string(), { doc: 'Prefix from which the server makes a name where none is given.' }),
  namespace: optional(3, string(), { doc: 'The namespace that the object lives in.' }),
  selfLink: optional(4, string(), { doc: 'No longer filled in.' }),
  uid: optional(5, string(), { doc: 'Unique in time and space, set by the server.' }),
  resourceVersion: optional(6, string(), { doc: 'Version of the object in the store, for optimistic locking and watches.' }),
  generation: optional(7, int64(), { doc: 'Counts the changes of the desired state.' }),
  creationTimestamp: optional(8, time(), { doc: 'CreationTimestamp is a timestamp: when the server created the object.' }),
  deletionTimestamp: pointer(9, time(), { doc: 'When the object will be gone, once its deletion was asked for.' }),
  deletionGracePeriodSeconds: pointer(10, int64(), { doc: 'Seconds for a graceful end before the object is removed.' }),
  labels: optional(11, map(string()), { doc: 'Identifying keys and values that selectors match.' }),
  annotations: optional(12, map(string()), { doc: 'Further keys and values, kept for tools.' }),
  ownerReferences: optional(13, list(OwnerReference, { listType: 'map', mapKeys: ['uid'], mergeKey: 'uid' }), {
    doc: 'Objects this one depends on; it is collected when all of them are gone.',
  }),
  finalizers: optional(14, list(string(), { listType: 'set', mergeKey: '' }), {
    doc: 'Names of those who must agree before the object is removed.',
  }),
  // An empty list says something: that the record be forgotten.
  managedFields: pointer(17, list(ManagedFieldsEntry, { listType: 'atomic' }), { doc: 'Which fields are set by whom.' }),
})

/** Metadata of a stored object: what the server always fills in is not optional. */
export interface ObjectMeta extends TypeOf<typeof objectMeta> {
  name: string
  uid: string
  resourceVersion: string
  creationTimestamp: string
}
export const ObjectMeta = objectMeta as unknown as Schema<ObjectMeta>

/** Metadata of a template, from which objects are yet to be made. */
export interface TemplateMeta extends TypeOf<typeof objectMeta> {}
export const TemplateMeta: Schema<TemplateMeta> = objectMeta
