/** `kubectl annotate`. */
import { KubectlError } from './errors.ts'
import { changeMetadata, metadataFlags } from './metadata-change.ts'
import { parsePairs, splitPairs } from './pairs.ts'
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'annotate [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]',
  summary: 'Update the annotations on a resource',
  examples: ["annotate deployment web note='the front door'", 'annotate deployment web note-'],
  flags: metadataFlags,
  async run(call) {
    const { resources, pairs } = splitPairs(call.args, 'annotation')
    await changeMetadata(call, {
      field: 'annotations',
      noun: 'annotation',
      pairs: parsePairs(pairs, 'annotation'),
      resources,
      operation: () => 'annotated',
      refuse: (clashes) =>
        new KubectlError(
          `--overwrite is false but found the following declared annotation(s): ${clashes.map(([key, value]) => `'${key}' already has a value (${value})`).join('; ')}`,
        ),
    })
  },
})
