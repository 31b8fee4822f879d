/** `kubectl api-versions`. */
import { apiVersionOf } from './discovery.ts'
import { usageError } from './errors.ts'
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'api-versions',
  summary: 'Print the supported API versions on the server, in the form of "group/version"',
  flags: {},
  async run({ session, out, args, path }) {
    if (args.length > 0) throw usageError(path, `unexpected arguments: [${args.join(' ')}]`)
    const versions = new Set((await session.discovery.all()).map(apiVersionOf))
    for (const version of [...versions].sort()) out(`${version}\n`)
  },
})
