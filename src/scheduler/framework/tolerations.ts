/** Whether tolerations cover a taint (upstream `component-helpers/scheduling/corev1`). */
import type { Taint, Toleration } from '#api/core/v1/taint.ts'

type TaintView = Pick<Taint, 'key' | 'effect'> & { readonly value?: string | undefined }

export function tolerated(tolerations: readonly Toleration[] | undefined, taint: TaintView): boolean {
  return (tolerations ?? []).some((toleration) => tolerates(toleration, taint))
}

/** A toleration without a key matches every key, and without an effect every effect. */
export function tolerates({ effect, key, operator, value }: Toleration, taint: TaintView): boolean {
  if (effect && effect !== taint.effect) return false
  if (key && key !== taint.key) return false
  const stands = taint.value ?? ''
  switch (operator) {
    case 'Exists':
      return true
    case 'Lt':
    case 'Gt':
      return compares(operator, value ?? '', stands)
    default:
      return (value ?? '') === stands
  }
}

/** KEP-5471: numeric taints; anything but canonical integers never matches. */
function compares(operator: 'Lt' | 'Gt', wanted: string, stands: string): boolean {
  const isInteger = /^(0|-?[1-9]\d*)$/
  if (!isInteger.test(wanted) || !isInteger.test(stands)) return false
  return operator === 'Lt' ? BigInt(stands) < BigInt(wanted) : BigInt(stands) > BigInt(wanted)
}
