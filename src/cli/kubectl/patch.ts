/** `kubectl patch`: a strategic, merge or JSON patch from the command line. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type JsonPatchOperation, jsonPatch, mergePatch, strategicMerge } from '#schema/merge.ts'
import { parseYaml } from '#schema/yaml.ts'
import { boolean, list, text } from './command-line.ts'
import { pathOf } from './discovery.ts'
import { aggregate, KubectlError } from './errors.ts'
import { gather, type Info } from './resources.ts'
import { dryRunOf, dryRunQuery, resultFlags, resultPrinter } from './result.ts'
import type { Json } from './session.ts'
import { kindOf } from './three-way-patch.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const flags = {
  ...resultFlags,
  filename: list({ short: 'f' }),
  kustomize: text('', { short: 'k' }),
  recursive: boolean(false, { short: 'R' }),
  patch: text('', { short: 'p' }),
  'patch-file': text(),
  type: text('strategic'),
  local: boolean(),
  subresource: text(),
} as const

type Call = VerbCall<typeof flags>

const contentTypes: Record<string, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
}

export default defineVerb({
  usage: 'patch (-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]',
  summary: 'Update fields of a resource',
  examples: [`patch deployment web -p '{"spec":{"replicas":3}}'`],
  flags,
  async run(call) {
    const { flags, args, session } = call
    const body = patchOf(call)
    const { infos, errors } = await gather(session, {
      args,
      filename: flags.filename,
      recursive: flags.recursive,
      subresource: flags.subresource || undefined,
    })
    // As upstream, the line about a dry run is the same as that about a real one.
    const print = resultPrinter({ ...call, flags: { ...flags, 'dry-run': 'none' } })
    for (const info of infos) {
      try {
        const patched = dryRunOf(call) === 'client' ? patchedHere(call, info, body) : await patchedThere(call, info, body)
        print(patched, isDeepStrictEqual(patched, info.object) ? 'patched (no change)' : 'patched')
      } catch (error) {
        errors.push(error)
      }
    }
    aggregate(errors)
    if (infos.length === 0) throw new KubectlError('no objects passed to patch')
  },
})

function patchOf({ flags, terminal }: Call): unknown {
  const { patch, 'patch-file': file, type } = flags
  if (patch && file) throw new KubectlError('cannot specify --patch and --patch-file together')
  if (!patch && !file) throw new KubectlError('must specify --patch or --patch-file containing the contents of the patch')
  if (!Object.hasOwn(contentTypes, type.toLowerCase())) {
    throw new KubectlError(`--type must be one of [json merge strategic], not ${JSON.stringify(type)}`)
  }
  if (flags.local) throw new KubectlError('--local is not supported; use --dry-run=client')
  const content = file ? readPatch(resolve(terminal.cwd, file), file) : patch
  try {
    return parseYaml(content)[0]?.value
  } catch (error) {
    throw new KubectlError(`unable to parse ${JSON.stringify(patch)}: ${(error as Error).message}`)
  }
}

function readPatch(path: string, shown: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new KubectlError(`unable to read patch file: open ${shown}: no such file or directory`)
  }
}

async function patchedThere(call: Call, { resource, namespace, name }: Info, body: unknown): Promise<Json> {
  const { flags, session } = call
  const query = { fieldManager: flags['field-manager'] || 'kubectl-patch', ...dryRunQuery(dryRunOf(call)) }
  const contentType = contentTypes[flags.type.toLowerCase()] as string
  const path = pathOf(resource, { namespace, name, subresource: flags.subresource })
  return session.request('PATCH', path, { body, contentType, query })
}

function patchedHere({ flags }: Call, { object }: Info, body: unknown): Json {
  const type = flags.type.toLowerCase()
  if (type === 'json') return jsonPatch(object, body as JsonPatchOperation[]) as Json
  if (type === 'merge') return mergePatch(object, body) as Json
  const kind = kindOf(object)
  if (!kind) throw new KubectlError('strategic merge patch is not supported for custom resources locally, try --type merge')
  return strategicMerge(kind.schema, object, body as Json) as Json
}
