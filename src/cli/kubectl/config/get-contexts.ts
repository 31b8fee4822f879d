/** `kubectl config get-contexts`. */
import { boolean, text } from '../command-line.ts'
import { aggregate, KubectlError } from '../errors.ts'
import { byteOrder } from '../output/go-json.ts'
import { tableWriter } from '../output/tab-writer.ts'
import { defineVerb } from '../verb.ts'

export default defineVerb({
  usage: 'config get-contexts [(-o|--output=)name)]',
  summary: 'Describe one or many contexts',
  flags: { 'no-headers': boolean(), output: text('', { short: 'o' }) },
  async run({ session, flags, args, out }) {
    const { output } = flags
    if (output !== '' && output !== 'name') {
      throw new KubectlError(
        `--output ${output} is not available in kubectl config get-contexts; resetting to default output format`,
      )
    }
    const config = session.kubeconfig()
    const contexts = new Map((config.contexts ?? []).map(({ name, context }) => [name, context]))
    const names = args.length > 0 ? args.filter((name) => contexts.has(name)) : [...contexts.keys()]
    const writer = tableWriter(out)
    if (output === '' && !flags['no-headers']) writer.write('CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n')
    for (const name of names.toSorted(byteOrder)) {
      const { cluster = '', user = '', namespace = '' } = contexts.get(name) ?? {}
      const mark = config['current-context'] === name ? '*' : ' '
      writer.write(output === 'name' ? `${name}\n` : `${[mark, name, cluster, user, namespace].join('\t')}\n`)
    }
    writer.flush()
    aggregate(args.filter((name) => !contexts.has(name)).map((name) => new KubectlError(`context ${name} not found`)))
  },
})
