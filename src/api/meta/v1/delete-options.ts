/** DeleteOptions (`metav1.DeleteOptions`): how an object is to be deleted. */
import { boolean, int64, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const preconditions = object('io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions', {
  uid: pointer(1, string(), { doc: 'The UID that the object must have.' }),
  resourceVersion: pointer(2, string(), { doc: 'The version that the object must have.' }),
})
export interface Preconditions extends TypeOf<typeof preconditions> {}
export const Preconditions: Schema<Preconditions> = preconditions

const deleteOptions = object('io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions', {
  kind: optional(0, string(), { doc: 'DeleteOptions.' }),
  apiVersion: optional(0, string(), { doc: 'APIVersion defines group and version of this object.' }),
  gracePeriodSeconds: pointer(1, int64(), { doc: 'Seconds that the object may take to end; 0 ends it at once.' }),
  preconditions: pointer(2, Preconditions, { doc: 'What must hold, or nothing is deleted.' }),
  orphanDependents: pointer(3, boolean(), { doc: 'Older spelling of propagationPolicy.' }),
  propagationPolicy: pointer(4, string(), { doc: 'What becomes of dependents: Orphan, Background or Foreground.' }),
  dryRun: optional(5, list(string(), { listType: 'atomic' }), { doc: 'All: check everything and keep nothing.' }),
  ignoreStoreReadErrorWithClusterBreakingPotential: pointer(6, boolean(), {
    doc: 'Deletes an object that cannot be read from the store.',
  }),
})
export interface DeleteOptions extends TypeOf<typeof deleteOptions> {}
export const DeleteOptions: Schema<DeleteOptions> = deleteOptions
