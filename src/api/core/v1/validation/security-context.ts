/** Rules for security contexts of containers and pods (upstream `ValidateSecurityContext`, `validatePodSpecSecurityContext`). */
import type { AppArmorProfile, PodSecurityContext, SeccompProfile, SecurityContext } from '#api/core/v1/security-context.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isValidGroupId, isValidUserId } from '#schema/formats.ts'
import { among, descendingPath } from './checks.ts'
import { goValue } from './go-value.ts'
import type { PodContext } from './pod-context.ts'
import { validateSysctls } from './sysctl.ts'
import { validateWindowsOptions } from './windows.ts'

export function validateSecurityContext(context: SecurityContext | undefined, at: Path, { spec }: PodContext): FieldError[] {
  if (!context) return []
  const { runAsUser, runAsGroup, procMount } = context
  const errors = [...idErrors({ runAsUser }, isValidUserId, at), ...idErrors({ runAsGroup }, isValidGroupId, at)]
  if (procMount !== undefined) {
    const here = at.child('procMount')
    errors.push(...among(procMount, ['Default', 'Unmasked'], here))
    if (spec.hostUsers !== false && procMount === 'Unmasked') {
      errors.push(here.invalid(procMount, '`hostUsers` must be false to use `Unmasked`'))
    }
  }
  return [
    ...errors,
    ...validateSeccompProfile(context.seccompProfile, at.child('seccompProfile')),
    ...escalationErrors(context, at),
    ...validateWindowsOptions(context.windowsOptions, at.child('windowsOptions')),
    ...validateAppArmorProfile(context.appArmorProfile, at.child('appArmorProfile')),
  ]
}

function idErrors(ids: Record<string, number | undefined>, check: (id: number) => string[], at: Path): FieldError[] {
  return Object.entries(ids).flatMap(([name, id]) =>
    id === undefined ? [] : check(id).map((message) => at.child(name).invalid(id, message)),
  )
}

function escalationErrors(context: SecurityContext, at: Path): FieldError[] {
  if (context.allowPrivilegeEscalation !== false) return []
  const errors: FieldError[] = []
  const refuse = (what: string) =>
    errors.push(at.invalid(shown(context), `cannot set \`allowPrivilegeEscalation\` to false and ${what}`))
  if (context.privileged) refuse('`privileged` to true')
  for (const capability of context.capabilities?.add ?? []) {
    if (capability === 'CAP_SYS_ADMIN') refuse('`capabilities.Add` CAP_SYS_ADMIN')
  }
  return errors
}

function shown(context: SecurityContext): unknown {
  const { capabilities, seLinuxOptions, windowsOptions, seccompProfile, appArmorProfile } = context
  const profile = ['Type', 'LocalhostProfile']
  const options = ['GMSACredentialSpecName', 'GMSACredentialSpec', 'RunAsUserName', 'HostProcess']
  const names = { GMSACredentialSpecName: 'gmsaCredentialSpecName', GMSACredentialSpec: 'gmsaCredentialSpec' }
  return {
    Capabilities: goValue(capabilities, ['Add', 'Drop']),
    Privileged: context.privileged ?? null,
    SELinuxOptions: goValue(seLinuxOptions && { user: '', role: '', type: '', level: '', ...seLinuxOptions }, [
      'User',
      'Role',
      'Type',
      'Level',
    ]),
    WindowsOptions: goValue(windowsOptions, options, names),
    RunAsUser: context.runAsUser ?? null,
    RunAsGroup: context.runAsGroup ?? null,
    RunAsNonRoot: context.runAsNonRoot ?? null,
    ReadOnlyRootFilesystem: context.readOnlyRootFilesystem ?? null,
    AllowPrivilegeEscalation: context.allowPrivilegeEscalation ?? null,
    ProcMount: context.procMount ?? null,
    SeccompProfile: goValue(seccompProfile, profile),
    AppArmorProfile: goValue(appArmorProfile, profile),
  }
}

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined']

export function validateSeccompProfile(profile: SeccompProfile | undefined, at: Path): FieldError[] {
  if (!profile) return []
  const { type, localhostProfile } = profile
  const here = at.child('localhostProfile')
  const errors = type
    ? among(type, profileTypes, at.child('type'))
    : [at.child('type').required('type is required when seccompProfile is set')]
  if (type === 'Localhost') {
    if (localhostProfile === undefined) errors.push(here.required('must be set when seccomp type is Localhost'))
    else errors.push(...descendingPath(localhostProfile, here))
  } else if (localhostProfile !== undefined) {
    errors.push(here.invalid(goValue(profile, ['Type', 'LocalhostProfile']), 'can only be set when seccomp type is Localhost'))
  }
  return errors
}

export function validateAppArmorProfile(profile: AppArmorProfile | undefined, at: Path): FieldError[] {
  if (!profile) return []
  const { type, localhostProfile } = profile
  const here = at.child('localhostProfile')
  if (!type) return [at.child('type').required('type is required when appArmorProfile is set')]
  if (!profileTypes.includes(type)) return [at.child('type').notSupported(type, profileTypes)]
  if (type !== 'Localhost') {
    const message = 'can only be set when AppArmor type is Localhost'
    return localhostProfile === undefined ? [] : [here.invalid(localhostProfile, message)]
  }
  if (!localhostProfile) return [here.required('must be set when AppArmor type is Localhost')]
  const isPadded = localhostProfile !== localhostProfile.trim()
  return [
    ...(isPadded ? [here.invalid(localhostProfile, 'must not be padded with whitespace')] : []),
    ...(Buffer.byteLength(localhostProfile) > 4095 ? [here.tooLong(4095)] : []),
  ]
}

export function validatePodSecurityContext(context: PodSecurityContext, at: Path, { spec }: PodContext): FieldError[] {
  const { fsGroup, runAsUser, runAsGroup, supplementalGroups = [], sysctls = [] } = context
  const groups = at.child('supplementalGroups')
  const errors = [
    ...idErrors({ fsGroup }, isValidGroupId, at),
    ...idErrors({ runAsUser }, isValidUserId, at),
    ...idErrors({ runAsGroup }, isValidGroupId, at),
    ...supplementalGroups.flatMap((id, index) => isValidGroupId(id).map((message) => groups.index(index).invalid(id, message))),
  ]
  if (spec.shareProcessNamespace && spec.hostPID) {
    const message = 'ShareProcessNamespace and HostPID cannot both be enabled'
    errors.push(at.child('shareProcessNamespace').invalid(true, message))
  }
  if (sysctls.length > 0) errors.push(...validateSysctls(sysctls, at.child('sysctls'), spec))
  const { fsGroupChangePolicy, supplementalGroupsPolicy, seLinuxChangePolicy } = context
  if (fsGroupChangePolicy !== undefined) {
    errors.push(...among(fsGroupChangePolicy, ['Always', 'OnRootMismatch'], at.child('fsGroupChangePolicy')))
  }
  errors.push(
    ...validateSeccompProfile(context.seccompProfile, at.child('seccompProfile')),
    ...validateWindowsOptions(context.windowsOptions, at.child('windowsOptions')),
    ...validateAppArmorProfile(context.appArmorProfile, at.child('appArmorProfile')),
  )
  if (supplementalGroupsPolicy !== undefined) {
    errors.push(...among(supplementalGroupsPolicy, ['Merge', 'Strict'], at.child('supplementalGroupsPolicy')))
  }
  if (seLinuxChangePolicy !== undefined) {
    // The gate SELinuxMount is off, which leaves one choice.
    errors.push(...among(seLinuxChangePolicy, ['Recursive'], at.child('seLinuxChangePolicy')))
  }
  return errors
}
