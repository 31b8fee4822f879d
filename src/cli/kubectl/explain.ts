/** `kubectl explain`: what the fields of a type mean, from the server's OpenAPI document. */
import { explain } from '#schema/explain.ts'
import { boolean, text } from './command-line.ts'
import { BareError, KubectlError } from './errors.ts'
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'explain TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [-o|--output=plaintext|plaintext-openapiv2]',
  summary: 'Get documentation for a resource',
  examples: ['explain pods', 'explain deployment.spec.strategy', 'explain pods --recursive'],
  flags: { recursive: boolean(), 'api-version': text(), output: text('plaintext', { short: 'o' }) },
  async run({ flags, args, session, out }) {
    const [argument] = args
    if (argument === undefined) {
      throw new KubectlError(
        'You must specify the type of resource to explain. Use "kubectl api-resources" for a complete list of supported resources.\n',
      )
    }
    if (args.length > 1) throw new KubectlError('We accept only this format: explain RESOURCE\n')
    const { discovery } = session
    const words = argument.split('.')
    const wanted = flags['api-version']
    let found = await discovery.find(words[0] as string).catch((error) => {
      throw error instanceof KubectlError ? new BareError(error.message) : error
    })
    let path = words.slice(1)
    // `deployments.apps.spec` names a group before the fields; the longest name that is a type counts.
    const types = await discovery.all()
    for (let length = words.length; length > 1; length--) {
      const group = words.slice(1, length).join('.')
      const named = types.find(
        (one) => one.group === group && [one.plural, one.singular, ...one.shortNames].includes(words[0] ?? ''),
      )
      if (!named) continue
      found = named
      path = words.slice(length)
      break
    }
    const [version = '', group = ''] = wanted.split('/').reverse()
    const place = wanted ? { group, version } : found
    const root = place.group ? `apis/${place.group}/${place.version}` : `api/${place.version}`
    const index = await session.get('/openapi/v3')
    const link: string | undefined = index.paths?.[root]?.serverRelativeURL
    if (!link) throw new KubectlError(`couldn't find resource for "${place.group}/${place.version}, Resource=${found.plural}"`)
    const document = await session.get(link)
    const options = { group: place.group, version: place.version, resource: found.plural, path, isRecursive: flags.recursive }
    try {
      out(explain(document, options))
    } catch (error) {
      // What the type is stands there before what is wrong with the path.
      if (path.length > 0) out(explain(document, { ...options, path: [] }).replace(/\n\n.*/s, '\n\n'))
      throw error
    }
  },
})
