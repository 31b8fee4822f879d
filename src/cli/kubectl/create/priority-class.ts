/** `kubectl create priorityclass`. */
import { boolean, integer, text } from '../command-line.ts'
import { defineVerb } from '../verb.ts'
import { createObject, generatorFlags, nameOfArguments } from './generator.ts'

export default defineVerb({
  usage: 'create priorityclass NAME --value=VALUE --global-default=BOOL [--dry-run=server|client|none]',
  summary: 'Create a priority class with the specified name',
  examples: ['create priorityclass high --value=1000'],
  flags: {
    ...generatorFlags,
    value: integer(),
    'global-default': boolean(),
    description: text(),
    'preemption-policy': text('PreemptLowerPriority'),
  },
  async run(call) {
    const { flags } = call
    const object = {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: nameOfArguments(call) },
      value: flags.value,
      globalDefault: flags['global-default'],
      description: flags.description,
      preemptionPolicy: flags['preemption-policy'],
    }
    await createObject(call, object, 'failed to create priorityclass: ')
  },
})
