/** How a custom resource is converted. */
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1035Label } from '#schema/formats.ts'
import type { CustomResourceConversion } from '../custom-resource-definition-spec.ts'
import type { Leniency } from './leniency.ts'
import { caBundleProblem, webhookClientErrors } from './webhook-client.ts'

const reviews = ['v1', 'v1beta1']

export function conversionErrors(conversion: CustomResourceConversion | undefined, at: Path, leniency: Leniency): FieldError[] {
  if (!conversion) return []
  const { strategy, webhook } = conversion
  const client = webhook?.clientConfig
  const versions = webhook?.conversionReviewVersions ?? []
  const errors = strategyErrors(strategy, at.child('strategy'))
  const here = at.child('webhookClientConfig')
  if (strategy !== 'Webhook') {
    const text = 'should not be set when strategy is not set to Webhook'
    if (client) errors.push(here.forbidden(text))
    if (versions.length > 0) errors.push(at.child('conversionReviewVersions').forbidden(text))
    return errors
  }
  if (!client) errors.push(here.required('required when strategy is set to Webhook'))
  else {
    errors.push(...webhookClientErrors(client, here))
    const problem = client.caBundle && !leniency.allowsBadCaBundle ? caBundleProblem(client.caBundle) : undefined
    if (problem !== undefined) errors.push(here.child('caBundle').invalid(client.caBundle, problem))
  }
  return [...errors, ...reviewErrors(versions, at.child('conversionReviewVersions'), leniency)]
}

function strategyErrors(strategy: string, at: Path): FieldError[] {
  if (strategy === '') return [at.required()]
  return strategy === 'None' || strategy === 'Webhook' ? [] : [at.notSupported(strategy, ['None', 'Webhook'])]
}

function reviewErrors(versions: readonly string[], at: Path, { allowsUnknownReviewVersions }: Leniency): FieldError[] {
  if (versions.length === 0) return [at.required()]
  const errors = versions.flatMap((version, i) => {
    if (versions.indexOf(version) < i) return [at.index(i).invalid(version, 'duplicate version')]
    return isDns1035Label(version).map((problem) => at.index(i).invalid(version, problem))
  })
  if (allowsUnknownReviewVersions || versions.some((version) => reviews.includes(version))) return errors
  return [...errors, at.invalid(versions, `must include at least one of ${reviews.join(', ')}`)]
}
