/** `secrets sync`: what the external store holds now becomes a release, and restarts what reads it. */
import { WorkflowError } from '../workflow-error.ts'
import { nextRelease, runningRelease } from './releases.ts'
import { rollOut } from './roll-out.ts'
import { commandOf, type Target } from './target.ts'
import { diffValues, noValues } from './values.ts'

/** Answers whether anything changed. */
export async function syncSecrets(target: Target, timeoutSeconds: number): Promise<boolean> {
  const { around, environment, isReview, secrets } = target
  if (!secrets) {
    throw new WorkflowError('hokusai/config.yml names no store of secrets.', {
      next: [`${isReview ? 'staging' : environment}-secrets: vault:secret/${target.project.name}/${environment}`],
    })
  }
  const running = await runningRelease(target)
  if (!running) throw new WorkflowError(`${environment} has no release yet.`, { next: [commandOf(target, 'create')] })
  const next = await nextRelease(target)
  const changes = diffValues({ ...noValues, secret: running.values.secret }, { ...noValues, secret: next.values.secret })
  if (changes.length === 0) return false
  const keys = changes.map(({ key }) => key).join(', ')
  around.note(`${secrets.name} has other values for ${keys}.`)
  const { image, tag } = running
  const { number } = await rollOut(target, { description: `secrets: ${keys}`, image, tag, ...next, timeoutSeconds })
  around.print(`Release v${number} runs on ${environment}.`)
  return true
}

/** Until Ctrl-C. A store that does not answer is told and asked again; what runs goes on. */
export async function watchSecrets(
  target: Target,
  { timeoutSeconds, everySeconds }: { timeoutSeconds: number; everySeconds: number },
) {
  const { around } = target
  let said = ''
  while (!around.signal.aborted) {
    try {
      await syncSecrets(target, timeoutSeconds)
      said = ''
    } catch (error) {
      around.signal.throwIfAborted()
      const { message } = error as Error
      if (message !== said) around.note(`warning: ${message}`)
      said = message
    }
    await around.pause(everySeconds * 1000)
  }
}
