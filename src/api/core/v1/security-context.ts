/** SecurityContext, PodSecurityContext: identity and privileges of processes. */
import {
  always,
  boolean,
  int64,
  known,
  list,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const capabilities = object('io.k8s.api.core.v1.Capabilities', {
  add: optional(1, list(string(), { listType: 'atomic' }), { doc: 'Capabilities to add.' }),
  drop: optional(2, list(string(), { listType: 'atomic' }), { doc: 'Capabilities to drop.' }),
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

const seccompProfile = object(
  'io.k8s.api.core.v1.SeccompProfile',
  {
    type: always(1, known('Localhost', 'RuntimeDefault', 'Unconfined')),
    localhostProfile: pointer(2, string()),
  },
  { union: { discriminator: 'type', fields: { localhostProfile: 'LocalhostProfile' } } },
)
export interface SeccompProfile extends TypeOf<typeof seccompProfile> {}
export const SeccompProfile: Schema<SeccompProfile> = seccompProfile

const appArmorProfile = object(
  'io.k8s.api.core.v1.AppArmorProfile',
  {
    type: always(1, known('Localhost', 'RuntimeDefault', 'Unconfined')),
    localhostProfile: pointer(2, string()),
  },
  { union: { discriminator: 'type', fields: { localhostProfile: 'LocalhostProfile' } } },
)
export interface AppArmorProfile extends TypeOf<typeof appArmorProfile> {}
export const AppArmorProfile: Schema<AppArmorProfile> = appArmorProfile

const securityContext = object('io.k8s.api.core.v1.SecurityContext', {
  capabilities: pointer(1, Capabilities, { doc: 'Capabilities to add and to drop.' }),
  privileged: pointer(2, boolean(), { doc: 'Whether the container may do all that the node may.' }),
  seLinuxOptions: pointer(3, SELinuxOptions, { doc: 'SELinux label.' }),
  windowsOptions: pointer(10, WindowsSecurityContextOptions, { doc: 'Settings for Windows.' }),
  runAsUser: pointer(4, int64(), { doc: 'User that the process runs as.' }),
  runAsGroup: pointer(8, int64(), { doc: 'Group that the process runs as.' }),
  runAsNonRoot: pointer(5, boolean(), { doc: 'Whether the container must not run as root.' }),
  readOnlyRootFilesystem: pointer(6, boolean(), { doc: 'Whether the root file system is read-only.' }),
  allowPrivilegeEscalation: pointer(7, boolean(), { doc: 'Whether a process may get more privileges than its parent.' }),
  procMount: pointer(9, known('Default', 'Unmasked'), { doc: 'How /proc is mounted.' }),
  seccompProfile: pointer(11, SeccompProfile, { doc: 'System calls that are allowed.' }),
  appArmorProfile: pointer(12, AppArmorProfile, { doc: 'AppArmor profile.' }),
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
  seLinuxOptions: pointer(1, SELinuxOptions, { doc: 'SELinux label.' }),
  windowsOptions: pointer(8, WindowsSecurityContextOptions, { doc: 'Settings for Windows.' }),
  runAsUser: pointer(2, int64(), { doc: 'User that processes run as.' }),
  runAsGroup: pointer(6, int64(), { doc: 'Group that processes run as.' }),
  runAsNonRoot: pointer(3, boolean(), { doc: 'Whether containers must not run as root.' }),
  supplementalGroups: optional(4, list(int64(), { listType: 'atomic' }), { doc: 'Further groups.' }),
  supplementalGroupsPolicy: pointer(12, known('Merge', 'Strict'), { doc: 'How further groups are worked out.' }),
  fsGroup: pointer(5, int64(), { doc: 'Group that owns the volumes.' }),
  sysctls: optional(7, list(Sysctl, { listType: 'atomic' }), { doc: 'Kernel parameters.' }),
  fsGroupChangePolicy: pointer(9, known('Always', 'OnRootMismatch'), { doc: 'When the owner of volumes is changed.' }),
  seccompProfile: pointer(10, SeccompProfile, { doc: 'System calls that are allowed.' }),
  appArmorProfile: pointer(11, AppArmorProfile, { doc: 'AppArmor profile.' }),
  seLinuxChangePolicy: pointer(13, string(), { doc: 'How volumes get their SELinux label.' }),
})
export interface PodSecurityContext extends TypeOf<typeof podSecurityContext> {}
export const PodSecurityContext: Schema<PodSecurityContext> = podSecurityContext
