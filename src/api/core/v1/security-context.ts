/** security-context: Capabilities, SELinuxOptions, WindowsSecurityContextOptions. */
import {
  always,
  boolean,
  int64,
  list,
  object,
  oneOf,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const capabilities = object('io.k8s.api.core.v1.Capabilities', {
  add: optional(1, list(string(), { listType: 'atomic' })),
  drop: optional(2, list(string(), { listType: 'atomic' })),
})
export interface Capabilities extends TypeOf<typeof capabilities> {}
export const Capabilities: Schema<Capabilities> = capabilities

const sELinuxOptions = object('io.k8s.api.core.v1.SELinuxOptions', {
  user: optional(1, string()),
  role: optional(2, string()),
  type: optional(3, string()),
  level: optional(4, string()),
})
export interface SELinuxOptions extends TypeOf<typeof sELinuxOptions> {}
export const SELinuxOptions: Schema<SELinuxOptions> = sELinuxOptions

const windowsSecurityContextOptions = object('io.k8s.api.core.v1.WindowsSecurityContextOptions', {
  gmsaCredentialSpecName: pointer(1, string()),
  gmsaCredentialSpec: pointer(2, string()),
  runAsUserName: pointer(3, string()),
  hostProcess: pointer(4, boolean()),
})
export interface WindowsSecurityContextOptions extends TypeOf<typeof windowsSecurityContextOptions> {}
export const WindowsSecurityContextOptions: Schema<WindowsSecurityContextOptions> = windowsSecurityContextOptions

const seccompProfile = object('io.k8s.api.core.v1.SeccompProfile', {
  type: always(1, oneOf('Localhost', 'RuntimeDefault', 'Unconfined')),
  localhostProfile: pointer(2, string()),
})
export interface SeccompProfile extends TypeOf<typeof seccompProfile> {}
export const SeccompProfile: Schema<SeccompProfile> = seccompProfile

const appArmorProfile = object('io.k8s.api.core.v1.AppArmorProfile', {
  type: always(1, oneOf('Localhost', 'RuntimeDefault', 'Unconfined')),
  localhostProfile: pointer(2, string()),
})
export interface AppArmorProfile extends TypeOf<typeof appArmorProfile> {}
export const AppArmorProfile: Schema<AppArmorProfile> = appArmorProfile

const securityContext = object('io.k8s.api.core.v1.SecurityContext', {
  capabilities: pointer(1, Capabilities),
  privileged: pointer(2, boolean()),
  seLinuxOptions: pointer(3, SELinuxOptions),
  windowsOptions: pointer(10, WindowsSecurityContextOptions),
  runAsUser: pointer(4, int64()),
  runAsGroup: pointer(8, int64()),
  runAsNonRoot: pointer(5, boolean()),
  readOnlyRootFilesystem: pointer(6, boolean()),
  allowPrivilegeEscalation: pointer(7, boolean()),
  procMount: pointer(9, oneOf('Default', 'Unmasked')),
  seccompProfile: pointer(11, SeccompProfile),
  appArmorProfile: pointer(12, AppArmorProfile),
})
export interface SecurityContext extends TypeOf<typeof securityContext> {}
export const SecurityContext: Schema<SecurityContext> = securityContext

const sysctl = object('io.k8s.api.core.v1.Sysctl', {
  name: always(1, string()),
  value: always(2, string()),
})
export interface Sysctl extends TypeOf<typeof sysctl> {}
export const Sysctl: Schema<Sysctl> = sysctl

const podSecurityContext = object('io.k8s.api.core.v1.PodSecurityContext', {
  seLinuxOptions: pointer(1, SELinuxOptions),
  windowsOptions: pointer(8, WindowsSecurityContextOptions),
  runAsUser: pointer(2, int64()),
  runAsGroup: pointer(6, int64()),
  runAsNonRoot: pointer(3, boolean()),
  supplementalGroups: optional(4, list(int64(), { listType: 'atomic' })),
  supplementalGroupsPolicy: pointer(12, oneOf('Merge', 'Strict'), {
    /* gate SupplementalGroupsPolicy */
  }),
  fsGroup: pointer(5, int64()),
  sysctls: optional(7, list(Sysctl, { listType: 'atomic' })),
  fsGroupChangePolicy: pointer(9, oneOf('Always', 'OnRootMismatch')),
  seccompProfile: pointer(10, SeccompProfile),
  appArmorProfile: pointer(11, AppArmorProfile),
  seLinuxChangePolicy: pointer(13, string(), {
    /* gate SELinuxChangePolicy */
  }),
})
export interface PodSecurityContext extends TypeOf<typeof podSecurityContext> {}
export const PodSecurityContext: Schema<PodSecurityContext> = podSecurityContext
