/** Rules for pods that say which operating system they are for (upstream `validateOS`, `validateLinux`, `validateWindows`). */
import type { PodSpec } from '#api/core/v1/pod-spec.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { eachContainer } from './each-container.ts'

export function validateOs(spec: PodSpec, at: Path): FieldError[] {
  if (!spec.os) return []
  const { name } = spec.os
  if (!name) return [at.child('os', 'name').required()]
  if (name === 'linux') return linuxErrors(spec, at)
  if (name === 'windows') return windowsErrors(spec, at)
  return [at.child('os').notSupported(name, ['linux', 'windows'])]
}

function linuxErrors(spec: PodSpec, at: Path): FieldError[] {
  const contexts = [
    { context: spec.securityContext, here: at },
    ...eachContainer(spec, at).map(({ container, here }) => ({ context: container.securityContext, here })),
  ]
  return contexts
    .filter(({ context }) => context?.windowsOptions)
    .map(({ here }) => here.child('securityContext', 'windowsOptions').forbidden('windows options cannot be set for a linux pod'))
}

/** In upstream's order; those of the spec itself stand beside those of its security context. */
const ofPod = [
  'securityContext.appArmorProfile',
  'securityContext.seLinuxOptions',
  'hostUsers',
  'hostPID',
  'hostIPC',
  'securityContext.seccompProfile',
  'securityContext.fsGroup',
  'securityContext.fsGroupChangePolicy',
  'securityContext.sysctls',
  'shareProcessNamespace',
  'securityContext.runAsUser',
  'securityContext.runAsGroup',
  'securityContext.supplementalGroups',
  'securityContext.supplementalGroupsPolicy',
  'securityContext.seLinuxChangePolicy',
]
const ofContainer = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
]
/** Plain booleans, which may be false. */
const mayBeFalse = ['hostPID', 'hostIPC']

function windowsErrors(spec: PodSpec, at: Path): FieldError[] {
  const message = 'cannot be set for a windows pod'
  const isSet = (path: string) => {
    const [outer = '', inner] = path.split('.')
    const value = (spec as unknown as Record<string, any>)[outer]
    return inner ? value?.[inner] !== undefined : mayBeFalse.includes(path) ? value : value !== undefined
  }
  return [
    ...ofPod.filter(isSet).map((path) => at.child(path).forbidden(message)),
    ...eachContainer(spec, at).flatMap(({ container, here }) =>
      ofContainer
        .filter((field) => container.securityContext?.[field as 'privileged'] !== undefined)
        .map((field) => here.child('securityContext', field).forbidden(message)),
    ),
  ]
}
