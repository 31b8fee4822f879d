/** References to objects, of the same namespace or another. */
import { always, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const localObjectReference = object(
  'io.k8s.api.core.v1.LocalObjectReference',
  {
    name: optional(1, string(), { publishedDefault: '' }),
  },
  { atomic: true },
)
export interface LocalObjectReference extends TypeOf<typeof localObjectReference> {}
export const LocalObjectReference: Schema<LocalObjectReference> = localObjectReference

const objectReference = object(
  'io.k8s.api.core.v1.ObjectReference',
  {
    kind: optional(1, string()),
    namespace: optional(2, string()),
    name: optional(3, string()),
    uid: optional(4, string()),
    apiVersion: optional(5, string()),
    resourceVersion: optional(6, string()),
    fieldPath: optional(7, string()),
  },
  { atomic: true },
)
export interface ObjectReference extends TypeOf<typeof objectReference> {}
export const ObjectReference: Schema<ObjectReference> = objectReference

const typedLocalObjectReference = object(
  'io.k8s.api.core.v1.TypedLocalObjectReference',
  {
    apiGroup: pointer(1, string()),
    kind: always(2, string()),
    name: always(3, string()),
  },
  { atomic: true },
)
export interface TypedLocalObjectReference extends TypeOf<typeof typedLocalObjectReference> {}
export const TypedLocalObjectReference: Schema<TypedLocalObjectReference> = typedLocalObjectReference

const typedObjectReference = object('io.k8s.api.core.v1.TypedObjectReference', {
  apiGroup: pointer(1, string()),
  kind: always(2, string()),
  name: always(3, string()),
  namespace: pointer(4, string()),
})
export interface TypedObjectReference extends TypeOf<typeof typedObjectReference> {}
export const TypedObjectReference: Schema<TypedObjectReference> = typedObjectReference

const secretReference = object(
  'io.k8s.api.core.v1.SecretReference',
  {
    name: optional(1, string()),
    namespace: optional(2, string()),
  },
  { atomic: true },
)
export interface SecretReference extends TypeOf<typeof secretReference> {}
export const SecretReference: Schema<SecretReference> = secretReference
