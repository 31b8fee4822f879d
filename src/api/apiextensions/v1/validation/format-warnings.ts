/** Warnings about formats that no validation knows. */
import { isKnownFormat } from '#schema/json-formats.ts'
import { someSchema } from '#schema/json-schema.ts'
import type { CustomResourceDefinitionSpec } from '../custom-resource-definition-spec.ts'

/** Of those alone that the former definition did not have. */
export function formatWarnings(spec: CustomResourceDefinitionSpec, old: CustomResourceDefinitionSpec | undefined): string[] {
  const known = new Set(old ? unknownFormats(old) : [])
  return unknownFormats(spec)
    .filter((format) => !known.has(format))
    .map((format) => `unrecognized format ${JSON.stringify(format)}`)
}

function unknownFormats({ versions }: CustomResourceDefinitionSpec): string[] {
  const found: string[] = []
  for (const { schema } of versions) {
    someSchema(schema?.openAPIV3Schema, ({ type = '', format }) => {
      if (format && !isKnownFormat(type, format)) found.push(format)
      return false
    })
  }
  return found
}
