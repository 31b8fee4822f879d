/** `kubectl auth can-i`: whether the server would allow an action, and with --list what it allows. */
import { boolean, text } from '../command-line.ts'
import { ruleLines } from '../describe/rbac.ts'
import { Exit, KubectlError } from '../errors.ts'
import { tableWriter } from '../output/tab-writer.ts'
import { defineVerb, type VerbCall } from '../verb.ts'

const flags = {
  'all-namespaces': boolean(false, { short: 'A' }),
  quiet: boolean(false, { short: 'q' }),
  subresource: text(),
  list: boolean(),
  'no-headers': boolean(),
} as const

type Call = VerbCall<typeof flags>

const resourceVerbs = new Set(
  'get list watch create update patch delete deletecollection use bind impersonate * approve sign escalate attest'.split(' '),
)
const urlVerbs = new Set('get put post head options delete patch *'.split(' '))
/** What is asked about although no server has such a type. */
const otherResources = new Set(['users', 'groups'])

const reviews = '/apis/authorization.k8s.io/v1'

export default defineVerb({
  usage: 'auth can-i VERB [TYPE | TYPE/NAME | NONRESOURCEURL]',
  summary: 'Check whether an action is allowed',
  examples: ['auth can-i create pods', "auth can-i '*' '*'", 'auth can-i --list'],
  flags,
  async run(call) {
    const { flags, args, session, out } = call
    if (flags.list) return list(call)
    if (args.length !== 2) {
      throw new KubectlError(
        "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
      )
    }
    const [verb = '', what = ''] = args
    const spec = what.startsWith('/') ? urlSpec(call, verb, what) : await resourceSpec(call, verb, what)
    if (flags['no-headers']) throw new KubectlError('--no-headers cannot be set without --list specified')
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec }
    const { status } = await session.request('POST', `${reviews}/selfsubjectaccessreviews`, { body })
    const reasons = [status.reason, status.evaluationError].filter(Boolean).map((text) => ` - ${text}`)
    if (!flags.quiet) out(status.allowed ? 'yes\n' : `no${reasons.join('')}\n`)
    if (!status.allowed) throw new Exit(1)
  },
})

function warn({ err }: Call, text: string): void {
  err(`Warning: ${text}\n`)
}

function urlSpec(call: Call, verb: string, path: string): object {
  if (call.flags.subresource) throw new KubectlError('--subresource can not be used with NonResourceURL')
  if (!urlVerbs.has(verb)) warn(call, `verb '${verb}' is not a known verb\n`)
  return { nonResourceAttributes: { path, verb } }
}

async function resourceSpec(call: Call, verb: string, what: string): Promise<object> {
  const { flags, session } = call
  const slash = what.indexOf('/')
  const [type, name] = slash < 0 ? [what, ''] : [what.slice(0, slash), what.slice(slash + 1)]
  const resource = await resourceOf(call, type)
  const everywhere = flags['all-namespaces']
  if (!everywhere) {
    if (resource.namespaced === false) {
      const group = resource.group ? ` in group '${resource.group}'` : ''
      warn(call, `resource '${resource.plural}' is not namespace scoped${group}\n`)
    }
    if (!resourceVerbs.has(verb)) warn(call, `verb '${verb}' is not a known verb\n`)
  }
  return {
    resourceAttributes: {
      ...(!everywhere && { namespace: session.namespace }),
      verb,
      ...(resource.group && { group: resource.group }),
      resource: resource.plural,
      ...(flags.subresource && { subresource: flags.subresource }),
      ...(name && { name }),
    },
  }
}

interface Asked {
  readonly group: string
  readonly plural: string
  readonly namespaced?: boolean
}

async function resourceOf(call: Call, type: string): Promise<Asked> {
  if (type === '*') return { group: '', plural: type }
  try {
    return await call.session.discovery.find(type.toLowerCase())
  } catch (error) {
    if (!(error instanceof KubectlError)) throw error
  }
  const [name = '', ...rest] = type.toLowerCase().split('.')
  const group = rest.join('.')
  if (!otherResources.has(group ? `${name}.${group}` : name)) {
    warn(call, `the server doesn't have a resource type '${name}'${group ? ` in group '${group}'` : ''}\n`)
  }
  return { group: '', plural: type }
}

async function list(call: Call): Promise<void> {
  const { flags, args, session, out } = call
  if (args.length > 0) throw new KubectlError('list option must be specified with no arguments')
  if (flags.quiet || flags['all-namespaces'] || flags.subresource) {
    throw new KubectlError("list option can't be specified with neither quiet, all-namespaces nor subresource options")
  }
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace: session.namespace } }
  const { status } = await session.request('POST', `${reviews}/selfsubjectrulesreviews`, { body })
  if (status.incomplete) warn(call, `the list may be incomplete: ${status.evaluationError ?? ''}`)
  const writer = tableWriter(out)
  if (!flags['no-headers']) writer.write('Resources\tNon-Resource URLs\tResource Names\tVerbs\n')
  for (const line of ruleLines([...(status.resourceRules ?? []), ...(status.nonResourceRules ?? [])])) writer.write(`${line}\n`)
  writer.flush()
}
