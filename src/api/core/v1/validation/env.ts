/** Rules for environment variables (upstream `ValidateEnv`, `ValidateEnvFrom`). */
import type { EnvFromSource, EnvVar, EnvVarSource } from '#api/core/v1/env.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isConfigMapKey, isDns1123Subdomain, isRelaxedEnvVarName } from '#schema/formats.ts'
import { nameErrors } from '#schema/validate.ts'
import { dnsLabel, formatted, noBacksteps, requiredAs } from './checks.ts'
import { fieldSelectorErrors, resourceSelectorErrors } from './env-source.ts'

export function validateEnv(variables: readonly EnvVar[], at: Path): FieldError[] {
  return variables.flatMap(({ name, value, valueFrom }, index) => {
    const here = at.index(index)
    return [
      ...requiredAs(isRelaxedEnvVarName, name, here.child('name')),
      ...(valueFrom ? valueFromErrors(valueFrom, value, here.child('valueFrom')) : []),
    ]
  })
}

const fieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]

function valueFromErrors(source: EnvVarSource, value: string | undefined, at: Path): FieldError[] {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source
  const errors: FieldError[] = []
  if (fieldRef) errors.push(...fieldSelectorErrors(fieldRef, fieldPaths, at.child('fieldRef')))
  if (resourceFieldRef)
    errors.push(...resourceSelectorErrors(resourceFieldRef, at.child('resourceFieldRef'), { isVolume: false }))
  if (configMapKeyRef) errors.push(...keyErrors(configMapKeyRef, at.child('configMapKeyRef')))
  if (secretKeyRef) errors.push(...keyErrors(secretKeyRef, at.child('secretKeyRef')))
  if (fileKeyRef) {
    const here = at.child('fileKeyRef')
    errors.push(
      ...requiredAs(isRelaxedEnvVarName, fileKeyRef.key, here.child('key')),
      ...(fileKeyRef.volumeName
        ? dnsLabel(fileKeyRef.volumeName, here.child('volumeName'))
        : [here.child('volumeName').required()]),
      ...(fileKeyRef.path ? noBacksteps(fileKeyRef.path, here.child('path')) : [here.child('path').required()]),
    )
  }
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length
  const kinds = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'
  if (count === 0) errors.push(at.invalid('', `must specify one of: ${kinds}`))
  else if (value) errors.push(at.invalid('', 'may not be specified when `value` is not empty'))
  else if (count > 1) errors.push(at.invalid('', 'may not have more than one field specified at a time'))
  return errors
}

function keyErrors({ name, key }: { name?: string | undefined; key: string }, at: Path): FieldError[] {
  return [...formatted(isDns1123Subdomain, name ?? '', at.child('name')), ...requiredAs(isConfigMapKey, key, at.child('key'))]
}

export function validateEnvFrom(sources: readonly EnvFromSource[], at: Path): FieldError[] {
  return sources.flatMap(({ prefix, configMapRef, secretRef }, index) => {
    const here = at.index(index)
    const errors = prefix ? formatted(isRelaxedEnvVarName, prefix, here.child('prefix')) : []
    for (const [kind, source] of Object.entries({ configMapRef, secretRef })) {
      if (!source) continue
      const isName = (name: string) => nameErrors('dnsSubdomain', name, true)
      errors.push(...requiredAs(isName, source.name, here.child(kind, 'name')))
    }
    if (!configMapRef && !secretRef) errors.push(at.invalid('', 'must specify one of: `configMapRef` or `secretRef`'))
    if (configMapRef && secretRef) errors.push(at.invalid('', 'may not have more than one field specified at a time'))
    return errors
  })
}
