/** PriorityClass: a name for how important pods are. */
import { requiredAmong } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { immutableErrors } from '#schema/validate.ts'
import { always, boolean, int32, known, optional, pointer, string } from '#schema/words.ts'

const kind = defineKind({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  scope: 'Cluster',
  doc: 'A priority class gives a name to a priority of pods.',
  schemaName: 'io.k8s.api.scheduling.v1.PriorityClass',
  shortNames: ['pc'],
  fields: {
    value: always(2, int32(), { isRequired: false, doc: 'The priority; higher is more important.' }),
    globalDefault: optional(3, boolean(), { doc: 'Whether pods without a class get this one.' }),
    description: optional(4, string(), { doc: 'When to use it.' }),
    preemptionPolicy: pointer(5, known('Never', 'PreemptLowerPriority'), {
      default: 'PreemptLowerPriority',
      doc: 'Whether its pods push others away.',
    }),
  },
  // The value never changes, and so the generation stays 1.
  generationFrom: ['value'],
  validate: (priority, at) => [
    ...validateFinalizers(priority.metadata, at),
    ...reservedErrors(priority, at),
    ...requiredAmong(priority.preemptionPolicy, ['PreemptLowerPriority', 'Never'], at.child('preemptionPolicy')),
  ],
  validateUpdate: (now, old, at) => [
    now.value !== old.value && at.child('value').forbidden('may not be changed in an update.'),
    ...immutableErrors(now.preemptionPolicy, old.preemptionPolicy, at.child('preemptionPolicy')),
  ],
  columns: [
    { name: 'Value', type: 'integer', doc: 'The priority.', value: ({ value }) => value },
    {
      name: 'Global-Default',
      type: 'boolean',
      doc: 'Whether pods that name no class have this one.',
      value: ({ globalDefault }) => globalDefault ?? false,
    },
    age,
    { name: 'PreemptionPolicy', doc: 'Whether pods of it push others away.', value: ({ preemptionPolicy }) => preemptionPolicy },
  ],
})

const highestOfUsers = 1_000_000_000

/** The two classes that the server makes itself. */
const systemClasses: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
}

interface Priority {
  metadata: { name: string }
  value: number
  globalDefault?: boolean | undefined
}

function reservedErrors({ metadata: { name }, value, globalDefault }: Priority, at: Path): FieldError[] {
  if (!name.startsWith('system-')) {
    const message = `maximum allowed value of a user defined priority is ${highestOfUsers}`
    return value > highestOfUsers ? [at.child('value').forbidden(message)] : []
  }
  const known = systemClasses[name]
  const problem =
    known === undefined
      ? `${name} is not a known system priority class`
      : known !== value
        ? `value of ${name} PriorityClass must be ${known}`
        : globalDefault && `globalDefault of ${name} PriorityClass must be false`
  if (!problem) return []
  const message = `priority class names with 'system-' prefix are reserved for system use only. error: ${problem}`
  return [at.child('metadata', 'name').forbidden(message)]
}

export interface PriorityClass extends ObjectOf<typeof kind> {}
export const PriorityClass: Kind<'PriorityClass', PriorityClass> = kind
