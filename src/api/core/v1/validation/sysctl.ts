/** Rules for kernel parameters of a pod (upstream `validateSysctls`). */
import type { PodSpec } from '#api/core/v1/pod-spec.ts'
import type { Sysctl } from '#api/core/v1/security-context.ts'
import type { FieldError, Path } from '#schema/field-error.ts'

const segment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?'
const expression = `^(${segment}[\\./])*${segment}$`
const pattern = new RegExp(expression)
const maxLength = 253

export function validateSysctls(sysctls: readonly Sysctl[], at: Path, { hostNetwork, hostIPC }: PodSpec): FieldError[] {
  const seen = new Set<string>()
  return sysctls.flatMap(({ name }, index) => {
    const here = at.index(index).child('name')
    const errors: FieldError[] = []
    if (!name) errors.push(here.required())
    else if (name.length > maxLength || !pattern.test(name)) {
      errors.push(here.invalid(name, `must have at most ${maxLength} characters and match regex ${expression}`))
    } else if (seen.has(name)) errors.push(here.duplicate(name))
    seen.add(name)
    const namespace = namespaceOf(name)
    if (hostNetwork && namespace === 'net') errors.push(here.invalid(name, "may not be specified when 'hostNetwork' is true"))
    else if (hostIPC && namespace === 'ipc') errors.push(here.invalid(name, "may not be specified when 'hostIPC' is true"))
    return errors
  })
}

/** The Linux namespace that a parameter belongs to; slashes separate where names contain dots. */
function namespaceOf(sysctl: string): 'ipc' | 'net' | undefined {
  const first = sysctl.search(/[./]/)
  const name = first >= 0 && sysctl[first] === '/' ? sysctl.replace(/[./]/g, (c) => (c === '/' ? '.' : '/')) : sysctl
  if (name === 'kernel.sem' || name.startsWith('kernel.shm') || name.startsWith('kernel.msg')) return 'ipc'
  if (name.startsWith('fs.mqueue.')) return 'ipc'
  return name.startsWith('net.') ? 'net' : undefined
}
