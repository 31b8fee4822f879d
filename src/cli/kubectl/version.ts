/** `kubectl version`: of this program and of the server. */
import { toYaml } from '#schema/yaml.ts'
import { boolean, text } from './command-line.ts'
import { KubectlError } from './errors.ts'
import { goJson } from './output/go-json.ts'
import type { Json } from './session.ts'
import { defineVerb } from './verb.ts'

const clientVersion = { major: '1', minor: '36', gitVersion: 'v1.36.0+nami', goVersion: '', compiler: '', platform: 'linux' }

export default defineVerb({
  usage: 'version',
  summary: 'Print the client and server version information',
  examples: ['version'],
  flags: { client: boolean(), output: text('', { short: 'o' }) },
  async run({ flags, session, out, args }) {
    if (args.length > 0) throw new KubectlError(`extra arguments: [${args.join(' ')}]`)
    if (flags.output !== '' && flags.output !== 'yaml' && flags.output !== 'json') {
      throw new KubectlError(`--output must be 'yaml' or 'json'`)
    }
    const server = flags.client ? undefined : await session.get('/version')
    const versions: Json = {
      clientVersion: { ...clientVersion, platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}` },
      ...(server && { serverVersion: server }),
    }
    if (flags.output === 'json') return out(`${goJson(versions, { indent: '  ', sorted: false })}\n`)
    if (flags.output === 'yaml') return out(toYaml(versions))
    out(`Client Version: ${clientVersion.gitVersion}\n`)
    if (server) out(`Server Version: ${server.gitVersion}\n`)
  },
})
