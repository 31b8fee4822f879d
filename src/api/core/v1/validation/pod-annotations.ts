/** Rules for annotations that mean something to pods (upstream `ValidatePodSpecificAnnotations`). */
import type { PodParts } from '#api/core/v1/pod.ts'
import type { PodSpec } from '#api/core/v1/pod-spec.ts'
import type { AppArmorProfile, SeccompProfile } from '#api/core/v1/security-context.ts'
import type { Toleration } from '#api/core/v1/taint.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { descendingPath } from './checks.ts'
import { eachContainer } from './each-container.ts'
import { validateTolerations } from './scheduling.ts'

const mirror = 'kubernetes.io/config.mirror'
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost'
const tolerations = 'scheduler.alpha.kubernetes.io/tolerations'
const appArmor = 'container.apparmor.security.beta.kubernetes.io/'
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod'
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/'

type Annotations = Readonly<Record<string, string>>

export function isMirrorPod(annotations: Annotations | undefined): boolean {
  return annotations?.[mirror] !== undefined
}

export function validatePodAnnotations(annotations: Annotations, spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = []
  const mirrored = annotations[mirror]
  if (mirrored !== undefined && !spec.nodeName) {
    errors.push(at.key(mirror).invalid(mirrored, 'must set spec.nodeName if mirror pod annotation is set'))
  }
  if (annotations[tolerations]) errors.push(...tolerationErrors(annotations[tolerations], at))
  const cost = annotations[deletionCost]
  if (cost !== undefined && !isInt32(cost)) errors.push(at.key(deletionCost).invalid(cost, 'must be a 32bit integer'))
  return [...errors, ...seccompErrors(annotations, at), ...appArmorErrors(annotations, spec, at)]
}

/** No plus sign and no leading zero. */
function isInt32(text: string): boolean {
  const value = Number(text)
  return /^(?:0|-?[0-9]+)$/.test(text) && !/^0./.test(text) && value >= -(2 ** 31) && value < 2 ** 31
}

function tolerationErrors(text: string, at: Path): FieldError[] {
  try {
    const parsed = JSON.parse(text) as Toleration[]
    return Array.isArray(parsed) ? validateTolerations(parsed, at.child(tolerations)) : []
  } catch (error) {
    return [at.invalid(tolerations, (error as Error).message)]
  }
}

function seccompErrors(annotations: Annotations, at: Path): FieldError[] {
  const keys = Object.keys(annotations).filter((key) => key === seccompPod || key.startsWith(seccompContainer))
  return keys.flatMap((key) => {
    const profile = annotations[key]!
    if (['runtime/default', 'docker/default', 'unconfined'].includes(profile)) return []
    if (profile.startsWith('localhost/')) return descendingPath(profile.slice('localhost/'.length), at.child(key))
    return [at.child(key).invalid(profile, 'must be a valid seccomp profile')]
  })
}

function appArmorErrors(annotations: Annotations, spec: PodSpec, at: Path): FieldError[] {
  const names = new Set(eachContainer(spec, at).map(({ container }) => container.name))
  return Object.keys(annotations)
    .filter((key) => key.startsWith(appArmor))
    .flatMap((key) => {
      const profile = annotations[key]!
      const name = key.slice(appArmor.length)
      const isKnown = ['', 'runtime/default', 'unconfined'].includes(profile) || profile.startsWith('localhost/')
      const message = `invalid AppArmor profile name: ${JSON.stringify(profile)}`
      return [
        ...(names.has(name) ? [] : [at.key(key).invalid(name, 'container not found')]),
        ...(isKnown ? [] : [at.key(key).invalid(profile, message)]),
      ]
    })
}

export function validateAnnotationUpdate(pod: PodParts, old: PodParts, at: Path): FieldError[] {
  const now = pod.metadata.annotations ?? {}
  const before = old.metadata.annotations ?? {}
  const errors: FieldError[] = []
  for (const [key, value] of Object.entries(before)) {
    if (now[key] === value) continue
    if (key.startsWith(appArmor)) errors.push(at.key(key).forbidden('may not remove or update AppArmor annotations'))
    if (key === mirror) errors.push(at.key(key).forbidden('may not remove or update mirror pod annotation'))
  }
  for (const key of Object.keys(now)) {
    if (before[key] !== undefined) continue
    if (key.startsWith(appArmor)) errors.push(at.key(key).forbidden('may not add AppArmor annotations'))
    if (key === mirror) errors.push(at.key(key).forbidden('may not add mirror pod annotation'))
  }
  return [...errors, ...validatePodAnnotations(now, pod.spec, at)]
}

interface Profiled {
  metadata: { annotations?: Annotations | undefined }
  spec: PodSpec
}

interface Spelling {
  profile: SeccompProfile | AppArmorProfile | undefined
  annotation: string | undefined
  word: 'seccomp' | 'apparmor'
}

/** On create, an annotation and the field that replaced it must say the same. */
export function validateProfilesMatch({ metadata, spec }: Profiled, at: Path): FieldError[] {
  const annotations = metadata.annotations ?? {}
  const errors = mismatch(
    { profile: spec.securityContext.seccompProfile, annotation: annotations[seccompPod], word: 'seccomp' },
    at.child('securityContext', 'seccompProfile'),
  )
  const containers = eachContainer(spec, at)
  for (const { container, here } of containers) {
    const profile = container.securityContext?.seccompProfile
    const annotation = annotations[seccompContainer + container.name]
    errors.push(...mismatch({ profile, annotation, word: 'seccomp' }, here.child('securityContext', 'seccompProfile')))
  }
  if (spec.os?.name === 'windows') return errors
  for (const { container, here } of containers) {
    const profile = container.securityContext?.appArmorProfile ?? spec.securityContext.appArmorProfile
    const annotation = annotations[appArmor + container.name]
    errors.push(...mismatch({ profile, annotation, word: 'apparmor' }, here.child('securityContext', 'appArmorProfile')))
  }
  return errors
}

function mismatch({ profile, annotation, word }: Spelling, at: Path): FieldError[] {
  if (!profile || annotation === undefined) return []
  const typeDiffers = [at.child('type').forbidden(`${word} type in annotation and field must match`)]
  if (profile.type === 'Unconfined') return annotation === 'unconfined' ? [] : typeDiffers
  if (profile.type === 'RuntimeDefault') {
    const isSame = annotation === 'runtime/default' || (word === 'seccomp' && annotation === 'docker/default')
    return isSame ? [] : typeDiffers
  }
  if (profile.type !== 'Localhost') return []
  if (!annotation.startsWith('localhost/')) return typeDiffers
  const isSame = profile.localhostProfile === annotation.slice('localhost/'.length)
  return isSame ? [] : [at.child('localhostProfile').forbidden(`${word} profile in annotation and field must match`)]
}
