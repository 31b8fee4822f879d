/** `kubectl label`. */
import { isValidLabelValue } from '#schema/formats.ts'
import { KubectlError } from './errors.ts'
import { changeMetadata, metadataFlags } from './metadata-change.ts'
import { parsePairs, splitPairs } from './pairs.ts'
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'label [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]',
  summary: 'Update the labels on a resource',
  examples: ['label pod web tier=front', 'label pod web tier-', 'label nodes --all zone=a --overwrite'],
  flags: metadataFlags,
  async run(call) {
    const { resources, pairs } = splitPairs(call.args, 'label')
    for (const pair of pairs) checkLabel(pair)
    await changeMetadata(call, {
      field: 'labels',
      noun: 'label',
      pairs: parsePairs(pairs, 'label'),
      resources,
      operation(added, removed) {
        if (added > 0 && removed > 0) return 'modified'
        return added > 0 ? 'labeled' : removed > 0 ? 'unlabeled' : 'not labeled'
      },
      refuse: (clashes) =>
        new AggregateError(
          clashes.map(([key, value]) => new KubectlError(`'${key}' already has a value (${value}), and --overwrite is false`)),
        ),
    })
  },
})

function checkLabel(pair: string): void {
  if (!pair.includes('=')) return
  const parts = pair.split('=')
  if (parts.length !== 2) throw new KubectlError(`invalid label spec: ${pair}`)
  const errors = isValidLabelValue(parts[1] as string)
  if (errors.length > 0) throw new KubectlError(`invalid label value: ${JSON.stringify(pair)}: ${errors.join(';')}`)
}
