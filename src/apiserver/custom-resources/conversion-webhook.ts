/** Conversion by a webhook: a ConversionReview there and back, and what comes back is checked (apiextensions' `webhook_converter.go`). */
import type { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import type { Random } from '#lib/random.ts'
import { copyJson } from '#schema/copy.ts'
import { formatFieldError, root } from '#schema/field-error.ts'
import { isRecord } from '#schema/json-schema.ts'
import type { KubeObject } from '#schema/kind.ts'
import { validateAnnotations, validateLabels } from '#schema/validate.ts'
import type { ServiceDialer } from '../dialers.ts'
import { callWebhook } from '../webhook-call.ts'
import { type FarConverter, failure } from './stored-form.ts'

export interface ConversionOptions {
  readonly random: Random
  readonly serviceDialer?: ServiceDialer | undefined
}

/** Upstream's timeout of the REST client. */
const timeout = 30_000

export function conversionWebhook(
  { spec }: CustomResourceDefinition,
  { random, serviceDialer }: ConversionOptions,
): FarConverter {
  const { clientConfig, conversionReviewVersions = [] } = spec.conversion?.webhook ?? {}
  const review = conversionReviewVersions.find((version) => version === 'v1' || version === 'v1beta1')
  return async (objects, desiredAPIVersion) => {
    const [first] = objects
    if (!first) return []
    const about = `conversion webhook for ${first.apiVersion}, Kind=${first.kind}`
    if (!review) throw failure('no supported conversion review versions')
    const uid = random.uuid()
    const body = {
      kind: 'ConversionReview',
      apiVersion: `apiextensions.k8s.io/${review}`,
      request: { uid, desiredAPIVersion, objects },
    }
    let answer: unknown
    try {
      answer = await callWebhook({ ...clientConfig, body, serviceDialer, timeout })
    } catch (error) {
      throw failure(`${about} failed: ${(error as Error).message}`)
    }
    const converted = convertedObjects(answer, { uid, review, about })
    if (converted.length !== objects.length) {
      throw failure(`${about} returned ${converted.length} objects, expected ${objects.length}`)
    }
    return objects.map((object, i) => checked(object, converted[i], { desiredAPIVersion, about, i }))
  }
}

interface Expected {
  readonly uid: string
  readonly review: string
  readonly about: string
}

function convertedObjects(answer: any, { uid, review, about }: Expected): readonly unknown[] {
  const fail = (text: string) => failure(`${about} failed: ${text}`)
  const { apiVersion = '', kind = '', response } = answer ?? {}
  const wanted = `apiextensions.k8s.io/${review}`
  if (review === 'v1' && (apiVersion !== wanted || kind !== 'ConversionReview')) {
    throw fail(`expected webhook response of ${wanted}, Kind=ConversionReview, got ${apiVersion}, Kind=${kind}`)
  }
  if (!isRecord(response)) throw fail('no response provided')
  if (review === 'v1' && response.uid !== uid) {
    throw fail(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`)
  }
  const { status = '', message = '' } = (response.result ?? {}) as { status?: string; message?: string }
  if (status !== 'Success') throw fail(message || `response.result.status was '${status}', not 'Success'`)
  return (response.convertedObjects as unknown[] | undefined) ?? []
}

/** Names and identity stay; labels and annotations may change, the rest of the metadata is that of before. */
function checked(
  object: KubeObject,
  answer: unknown,
  where: { desiredAPIVersion: string; about: string; i: number },
): KubeObject {
  const { desiredAPIVersion, about, i } = where
  const fail = (text: string) => failure(`${about} returned invalid converted object at index ${i}: ${text}`)
  const converted = (isRecord(answer) ? answer : {}) as unknown as KubeObject
  if (converted.apiVersion !== desiredAPIVersion) {
    throw fail(`invalid groupVersion (expected ${desiredAPIVersion}, received ${converted.apiVersion ?? ''})`)
  }
  if (converted.kind !== object.kind) throw fail(`invalid kind (expected ${object.kind}, received ${converted.kind ?? ''})`)
  const { name, namespace = '', uid } = converted.metadata ?? {}
  const old = object.metadata
  if (name !== old.name) throw fail(`must have the same name: ${old.name} != ${name ?? ''}`)
  if (namespace !== (old.namespace ?? '')) throw fail(`must have the same namespace: ${old.namespace ?? ''} != ${namespace}`)
  if (uid !== old.uid) throw fail(`must have the same UID: ${old.uid ?? ''} != ${uid ?? ''}`)
  const { labels, annotations } = converted.metadata as { labels?: unknown; annotations?: unknown }
  const problem = textsProblem('labels', labels) ?? textsProblem('annotations', annotations)
  if (problem) throw failure(`${about} returned invalid metadata in object at index ${i}: ${problem}`)
  const { labels: _, annotations: __, ...kept } = old
  const metadata = { ...kept, ...(isRecord(labels) && { labels }), ...(isRecord(annotations) && { annotations }) }
  return copyJson({ ...converted, metadata }) as KubeObject
}

function textsProblem(field: 'labels' | 'annotations', texts: unknown): string | undefined {
  if (texts === undefined || texts === null) return undefined
  if (!isRecord(texts))
    return `invalid metadata.${field} of type ${Array.isArray(texts) ? '[]interface {}' : typeof texts} in converted object`
  const wrong = Object.entries(texts).find(([, text]) => typeof text !== 'string')
  if (wrong) return `metadata.${field}[${wrong[0]}] must be a string, but is ${typeof wrong[1]} in converted object`
  const validate = field === 'labels' ? validateLabels : validateAnnotations
  const errors = validate(texts as Record<string, string>, root.child('metadata', field))
  return errors.length > 0 ? errors.map(formatFieldError).join(', ') : undefined
}
