/**
 * How objects of a custom resource are kept: in the storage version of the day when they were written. Reading prunes and defaults them
 * by the schema of that version, then converts them to the version that is asked for.
 */

import { schemaOf } from '#api/apiextensions/v1/custom-kinds.ts'
import type { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { decode } from '#schema/decode.ts'
import { applySchemaDefaults } from '#schema/default.ts'
import type { Kind, KubeObject, StoredForm } from '#schema/kind.ts'
import { type Reason, StatusError } from '#schema/status-error.ts'
import type { Schema } from '#schema/words.ts'
import { sameJson } from '../registry/same-json.ts'

/** Converts objects of one resource by asking somebody; answers as many as it was given. */
export type FarConverter = (objects: readonly KubeObject[], apiVersion: string) => Promise<readonly KubeObject[]>

export interface StoredFormOptions {
  readonly definition: CustomResourceDefinition
  /** Stands for the place of all versions in the store. */
  readonly place: Kind
  readonly apiVersion: string
  /** Absent where versions differ in their name alone. */
  readonly far?: FarConverter | undefined
}

export function storedForm({ definition, place, apiVersion, far }: StoredFormOptions): StoredForm<KubeObject> {
  const { group, versions } = definition.spec
  const schemas = new Map(
    versions.map((version) => [`${group}/${version.name}`, schemaOf(definition, version) as unknown as Schema<KubeObject>]),
  )
  const stored = `${group}/${versions.find(({ storage }) => storage)?.name}`
  const clean = (object: KubeObject): KubeObject => {
    const schema = schemas.get(object.apiVersion)
    if (!schema) throw failure(`request to convert CR from an invalid group/version: ${object.apiVersion}`)
    const decoded = decode(schema, object)
    applySchemaDefaults(schema, decoded)
    return decoded
  }
  const renamed = (object: KubeObject, to: string): KubeObject =>
    object.apiVersion === to ? object : { ...object, apiVersion: to }
  return {
    kind: () => place,
    fromStored: (object) => renamed(clean(object), apiVersion),
    toStored: (object) => renamed(object, stored),
    isOutdated: (object) => object.apiVersion !== stored || !sameJson(clean(object), object),
    ...(far && {
      isFar: (object: KubeObject) => object.apiVersion !== apiVersion,
      fromFar: (objects: readonly KubeObject[]) => far(objects.map(clean), apiVersion),
      toFar: async (object: KubeObject) => (object.apiVersion === stored ? object : (await far([object], stored))[0]),
    }),
  }
}

/** Upstream knows no reason for such an error. */
export function failure(text: string): StatusError {
  return new StatusError('' as Reason, text, { code: 500 })
}
