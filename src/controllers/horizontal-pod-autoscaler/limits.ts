/** What becomes of a wish for replicas: steadied over time, and kept within bounds and rates (upstream `horizontal.go`). */
import type { HorizontalPodAutoscalerSpec, HPAScalingRules } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'

export interface Recommendation {
  readonly replicas: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** What an autoscaler remembers of its past; lost with the process, as upstream. */
export interface History {
  readonly recommendations: readonly Recommendation[]
  /** How many replicas came and went, and when. */
  readonly up: readonly Recommendation[]
  readonly down: readonly Recommendation[]
}

export interface ConditionText {
  readonly reason: string
  readonly message: string
}

export interface Limited {
  readonly replicas: number
  readonly ableToScale: ConditionText
  readonly isLimited: boolean
  readonly limited: ConditionText
}

export interface Wish {
  readonly current: number
  readonly desired: number
  readonly history: History
  readonly now: number
}

/** `downscaleStabilisationWindow`, in seconds. */
export const stabilizationWindow = 300

export function limitReplicas({ minReplicas = 1, maxReplicas, behavior }: HorizontalPodAutoscalerSpec, wish: Wish): Limited {
  const up = behavior?.scaleUp
  const down = behavior?.scaleDown
  const steady = behavior && up && down ? steadied(wish, up, down) : steadiedPlain(wish)
  const text = wish.desired >= wish.current && behavior ? scaleUpStabilized : scaleDownStabilized
  const ableToScale = steady === wish.desired ? readyForNewScale : text
  const bounds = { min: minReplicas, max: maxReplicas }
  const next = { ...wish, desired: steady }
  const [replicas, limited] = behavior && up && down ? withinRates(next, bounds, { up, down }) : withinRules(next, bounds)
  return { replicas, ableToScale, isLimited: replicas !== steady, limited }
}

const readyForNewScale = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' }
const scaleUpStabilized = {
  reason: 'ScaleUpStabilized',
  message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
}
const scaleDownStabilized = {
  reason: 'ScaleDownStabilized',
  message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
}
const inRange = { reason: 'DesiredWithinRange', message: 'the desired count is within the acceptable range' }
const upLimit = {
  reason: 'ScaleUpLimit',
  message: 'the desired replica count is increasing faster than the maximum scale rate',
}
const downLimit = {
  reason: 'ScaleDownLimit',
  message: 'the desired replica count is decreasing faster than the maximum scale rate',
}
const tooMany = { reason: 'TooManyReplicas', message: 'the desired replica count is more than the maximum replica count' }
const tooFew = { reason: 'TooFewReplicas', message: 'the desired replica count is less than the minimum replica count' }

function steadiedPlain({ desired, history, now }: Wish): number {
  const recent = history.recommendations.filter(({ at }) => at >= now - stabilizationWindow * 1000)
  return Math.max(desired, ...recent.map(({ replicas }) => replicas))
}

function steadied({ current, desired, history, now }: Wish, up: HPAScalingRules, down: HPAScalingRules): number {
  const recent = (rules: HPAScalingRules, fallback: number) => {
    const since = now - (rules.stabilizationWindowSeconds ?? fallback) * 1000
    return history.recommendations.filter(({ at }) => at > since).map(({ replicas }) => replicas)
  }
  const lowest = Math.min(desired, ...recent(up, 0))
  const highest = Math.max(desired, ...recent(down, stabilizationWindow))
  return Math.min(Math.max(current, lowest), highest)
}

interface Bounds {
  readonly min: number
  readonly max: number
}

function withinRules({ current, desired }: Wish, { min, max }: Bounds): [number, ConditionText] {
  const rate = Math.max(2 * current, 4)
  const most = Math.min(max, rate)
  if (desired < min) return [min, tooFew]
  if (desired > most) return [most, max > rate ? upLimit : tooMany]
  return [desired, inRange]
}

interface Rules {
  readonly up: HPAScalingRules
  readonly down: HPAScalingRules
}

function withinRates(wish: Wish, { min, max }: Bounds, { up, down }: Rules): [number, ConditionText] {
  const { current, desired } = wish
  if (desired > current) {
    const rate = Math.max(current, rateLimit(wish, up, 1))
    const most = Math.min(max, rate)
    if (desired > most) return [most, max > rate ? upLimit : tooMany]
  } else if (desired < current) {
    const rate = Math.min(current, rateLimit(wish, down, -1))
    const least = Math.max(min, rate)
    if (desired < least) return [least, min < rate ? downLimit : tooFew]
  }
  return [desired, inRange]
}

/** How far one may go by the policies, counted from where each one's period began. */
function rateLimit({ current, history, now }: Wish, { selectPolicy, policies = [] }: HPAScalingRules, sign: 1 | -1): number {
  if (selectPolicy === 'Disabled') return current
  const changed = (events: readonly Recommendation[], seconds: number) =>
    events.filter(({ at }) => at > now - seconds * 1000).reduce((sum, { replicas }) => sum + replicas, 0)
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const start = current - changed(history.up, periodSeconds) + changed(history.down, periodSeconds)
    if (type === 'Pods') return start + sign * value
    const share = start * (1 + (sign * value) / 100)
    return sign > 0 ? Math.ceil(share) : Math.trunc(share)
  })
  const picksFar = selectPolicy !== 'Min'
  return picksFar === sign > 0 ? Math.max(...limits) : Math.min(...limits)
}

/** The past with a wish and what came of it; what no window or period reaches any more is dropped. */
export function remember({ behavior }: HorizontalPodAutoscalerSpec, wish: Wish, replicas: number): History {
  const { history, current, desired, now } = wish
  const windows = [
    behavior?.scaleUp?.stabilizationWindowSeconds ?? 0,
    behavior?.scaleDown?.stabilizationWindowSeconds ?? stabilizationWindow,
  ]
  const within = (seconds: number) => (one: Recommendation) => one.at >= now - seconds * 1000
  const longest = (rules: HPAScalingRules | undefined) => Math.max(0, ...(rules?.policies ?? []).map((one) => one.periodSeconds))
  const change = behavior ? replicas - current : 0
  return {
    recommendations: [...history.recommendations.filter(within(Math.max(...windows))), { replicas: desired, at: now }],
    up: [...history.up.filter(within(longest(behavior?.scaleUp))), ...(change > 0 ? [{ replicas: change, at: now }] : [])],
    down: [...history.down.filter(within(longest(behavior?.scaleDown))), ...(change < 0 ? [{ replicas: -change, at: now }] : [])],
  }
}
