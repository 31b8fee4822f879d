/** The restricted level: the baseline, and what hardening a pod takes (upstream `pod-security-admission/policy/check_*.go`). */
import { isSeccompType, procMount, seccompProfile } from './baseline.ts'
import {
  allContainers,
  type Check,
  containersWhere,
  type Finding,
  hasOwnUsers,
  isWindows,
  named,
  type PodCheck,
  type PodSpec,
  quoted,
  setters,
  sortedSet,
} from './check.ts'

export const restrictedChecks: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    since: [
      [8, privilegeEscalation],
      [25, exceptWindows(privilegeEscalation)],
    ],
  },
  {
    id: 'capabilities_restricted',
    overrides: 'capabilities_baseline',
    since: [
      [22, capabilities],
      [25, exceptWindows(capabilities)],
    ],
  },
  { id: 'procMount_restricted', overrides: 'procMount', since: [[35, procMount]] },
  { id: 'restrictedVolumes', overrides: 'hostPathVolumes', since: [[0, volumeTypes]] },
  {
    id: 'runAsNonRoot',
    since: [
      [0, runAsNonRoot],
      [35, exceptOwnUsers(runAsNonRoot)],
    ],
  },
  {
    id: 'runAsUser',
    since: [
      [23, runAsUser],
      [35, exceptOwnUsers(runAsUser)],
    ],
  },
  {
    id: 'seccompProfile_restricted',
    overrides: 'seccompProfile_baseline',
    since: [
      [19, seccomp],
      [25, exceptWindows(seccomp)],
    ],
  },
]

function exceptWindows(check: PodCheck): PodCheck {
  return (spec, annotations) => (isWindows(spec) ? undefined : check(spec, annotations))
}

function exceptOwnUsers(check: PodCheck): PodCheck {
  return (spec, annotations) => (hasOwnUsers(spec) ? undefined : check(spec, annotations))
}

function privilegeEscalation(spec: PodSpec): Finding | undefined {
  const bad = containersWhere(spec, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false)
  if (bad.length === 0) return undefined
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${named('container', bad)} must set securityContext.allowPrivilegeEscalation=false`,
  }
}

function capabilities(spec: PodSpec): Finding | undefined {
  const added = ({ securityContext }: ReturnType<typeof allContainers>[number]) =>
    (securityContext?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE')
  const keeping = containersWhere(spec, ({ securityContext }) => !securityContext?.capabilities?.drop?.includes('ALL'))
  const adding = containersWhere(spec, (container) => added(container).length > 0)
  const details = [
    ...(keeping.length > 0 ? [`${named('container', keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length > 0
      ? [
          `${named('container', adding)} must not include ${quoted(sortedSet(allContainers(spec).flatMap(added)))} in securityContext.capabilities.add`,
        ]
      : []),
  ]
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') }
}

const freeVolumes = [
  ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'image'],
  ...['persistentVolumeClaim', 'projected', 'secret'],
]

function volumeTypes({ volumes = [] }: PodSpec): Finding | undefined {
  const typeOf = (volume: object) => Object.keys(volume).filter((key) => key !== 'name')
  const bad = volumes.filter((volume) => !typeOf(volume).some((type) => freeVolumes.includes(type)))
  if (bad.length === 0) return undefined
  const types = sortedSet(bad.map((volume) => typeOf(volume)[0] ?? 'unknown'))
  const names = bad.map(({ name }) => name)
  const verb = bad.length === 1 ? 'uses' : 'use'
  return {
    reason: 'restricted volume types',
    detail: `${named('volume', names)} ${verb} ${named('restricted volume type', types)}`,
  }
}

function runAsNonRoot(spec: PodSpec): Finding | undefined {
  const reason = 'runAsNonRoot != true'
  const ofPod = spec.securityContext?.runAsNonRoot
  const denying = containersWhere(spec, ({ securityContext }) => securityContext?.runAsNonRoot === false)
  if (ofPod === false || denying.length > 0) {
    return { reason, detail: `${setters(ofPod === false, denying)} must not set securityContext.runAsNonRoot=false` }
  }
  const silent = containersWhere(spec, ({ securityContext }) => securityContext?.runAsNonRoot === undefined)
  if (ofPod || silent.length === 0) return undefined
  return { reason, detail: `pod or ${named('container', silent)} must set securityContext.runAsNonRoot=true` }
}

function runAsUser(spec: PodSpec): Finding | undefined {
  const ofPod = spec.securityContext?.runAsUser === 0
  const bad = containersWhere(spec, ({ securityContext }) => securityContext?.runAsUser === 0)
  if (!ofPod && bad.length === 0) return undefined
  return { reason: 'runAsUser=0', detail: `${setters(ofPod, bad)} must not set runAsUser=0` }
}

function seccomp(spec: PodSpec): Finding | undefined {
  const explicit = seccompProfile(spec)
  if (explicit) return explicit
  const ofPod = spec.securityContext?.seccompProfile?.type
  if (ofPod !== undefined && isSeccompType(ofPod)) return undefined
  const silent = containersWhere(spec, ({ securityContext }) => !securityContext?.seccompProfile)
  if (silent.length === 0) return undefined
  const who = `pod or ${named('container', silent)}`
  return {
    reason: 'seccompProfile',
    detail: `${who} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  }
}
