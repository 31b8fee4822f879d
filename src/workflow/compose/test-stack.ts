/** Runs a stack until one of its services has ended: tests in their surroundings. */
import type { Pod } from '#api/core/v1/pod.ts'
import { cleanName } from '../project/clean-name.ts'
import { WorkflowError } from '../workflow-error.ts'
import { type Following, followStack } from './follow.ts'
import { labelOf } from './plan-pods.ts'
import { stateOf } from './pod-state.ts'
import { podsOf, type RunningStack, startStack } from './run-stack.ts'

/**
 * Answers the service's exit code. The first service that ends ends the run, unless others only waited for its end; a service that was
 * still running then counts as killed, as with Compose.
 */
export async function testStack(
  running: RunningStack,
  { service, following }: { service: string; following: Omit<Following, 'running' | 'options'> },
): Promise<number> {
  const { stack } = running
  if (!stack.services[service]) {
    throw new WorkflowError(`There is no service ${service} whose exit code could count.`, {
      next: [`Name one: --service-name ${Object.keys(stack.services)[0] ?? ''}`],
    })
  }
  const awaited = new Set(
    Object.values(stack.services).flatMap(({ dependsOn }) =>
      dependsOn.filter(({ condition }) => condition === 'service_completed_successfully').map((one) => cleanName(one.service)),
    ),
  )
  const isOver = (pods: readonly Pod[]) =>
    pods.some((pod) => {
      const name = pod.metadata.labels?.[labelOf.service] ?? ''
      return stateOf(pod).exitCode !== undefined && (!awaited.has(name) || name === cleanName(service))
    })
  let problem: unknown
  let hasFailed = false
  const starting = startStack(running).catch((error) => {
    problem = error
    hasFailed = true
  })
  await followStack({ ...following, running, options: { isFollowed: true } }, (pods) => hasFailed || isOver(pods))
  if (hasFailed) throw problem
  void starting
  const ended = await podsOf(running)
  for (const pod of ended) {
    const { reason } = stateOf(pod)
    if (reason) running.around.note(`${pod.metadata.name}: ${reason}`)
  }
  const own = ended.filter(({ metadata }) => metadata.labels?.[labelOf.service] === cleanName(service))
  const codes = own.map((pod) => stateOf(pod).exitCode ?? 137)
  return codes.find((code) => code !== 0) ?? (codes.length > 0 ? 0 : 137)
}
