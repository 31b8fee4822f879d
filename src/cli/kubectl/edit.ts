/** `kubectl edit`: objects in the user's editor, and what was changed there sent as a patch. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { twoWayMergePatch, twoWayPatch } from '#schema/merge.ts'
import { StatusError } from '#schema/status-error.ts'
import { parseYaml, toYaml } from '#schema/yaml.ts'
import { text } from './command-line.ts'
import { pathOf } from './discovery.ts'
import { aggregate, Exit, KubectlError } from './errors.ts'
import { goJson } from './output/go-json.ts'
import { itemsOf } from './output/printer.ts'
import { gather, type Info, selectionFlags } from './resources.ts'
import { resultFlags, resultPrinter } from './result.ts'
import type { Json } from './session.ts'
import { kindOf } from './three-way-patch.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const { 'dry-run': _, ...printFlags } = resultFlags
const { selector: __, ...fileFlags } = selectionFlags

const flags = { ...printFlags, ...fileFlags, subresource: text() } as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage: 'edit (RESOURCE/NAME | -f FILENAME)',
  summary: 'Edit a resource on the server',
  examples: ['edit deployment/web'],
  flags,
  async run(call) {
    const { flags, args, session } = call
    const { filename, recursive } = flags
    const { infos, errors } = await gather(session, {
      args,
      filename,
      recursive,
      subresource: flags.subresource || undefined,
      typeAlone: true,
    })
    aggregate(errors)
    if (infos.length === 0) throw new KubectlError('edit cancelled, no objects found')
    const folder = mkdtempSync(join(tmpdir(), 'kubectl-edit-'))
    const path = join(folder, flags.output === 'json' ? 'edit.json' : 'edit.yaml')
    const isDone = await editUntilValid(call, infos, path)
    if (isDone) rmSync(folder, { recursive: true, force: true })
  },
})

/** Answers whether the file is of no use any more; throws where the user gave up on a refused one. */
async function editUntilValid(call: Call, infos: readonly Info[], path: string): Promise<boolean> {
  const { err } = call
  const original = shown(call, infos)
  let content = original
  for (let reasons: readonly string[] = []; ; ) {
    const isRetry = reasons.length > 0
    writeFileSync(path, header(reasons) + content, { mode: 0o600 })
    launch(call, path)
    const edited = stripComments(readFileSync(path, 'utf8'))
    if (isRetry && edited === stripComments(content)) {
      err(`A copy of your changes has been stored to ${JSON.stringify(path)}\n`)
      throw new KubectlError('Edit cancelled, no valid changes were saved.')
    }
    if (edited === stripComments(original)) {
      err('Edit cancelled, no changes made.\n')
      return true
    }
    if (edited.trim() === '') {
      err('Edit cancelled, saved file was empty.\n')
      return true
    }
    content = edited
    const refused = await send(call, infos, { edited, path })
    if (refused.length === 0) return true
    reasons = refused
  }
}

const intro = `# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
`

function header(reasons: readonly string[]): string {
  return (
    intro +
    (reasons.length > 0 ? `${reasons.map((reason) => `# ${reason.trimEnd().replaceAll('\n', '\n# ')}\n`).join('')}#\n` : '')
  )
}

function shown({ flags }: Call, infos: readonly Info[]): string {
  const bare = infos.map(({ object }) => {
    const { managedFields: _, ...metadata } = object.metadata
    return { ...object, metadata }
  })
  const whole = bare.length === 1 ? bare[0] : { apiVersion: 'v1', items: bare, kind: 'List', metadata: {} }
  return flags.output === 'json' ? `${goJson(whole)}\n` : toYaml(whole)
}

function stripComments(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
}

function launch({ terminal }: Call, path: string): void {
  const { env, cwd } = terminal
  const editor = env.KUBE_EDITOR || env.EDITOR || 'vi'
  const shell = env.SHELL || '/bin/bash'
  const { status, error } = spawnSync(shell, ['-c', `${editor} "${path}"`], {
    stdio: 'inherit',
    cwd,
    env: env as NodeJS.ProcessEnv,
  })
  if (error) throw new KubectlError(`unable to launch the editor ${JSON.stringify(editor)}`)
  if (status !== 0) throw new KubectlError(`there was a problem with the editor ${JSON.stringify(editor)}`)
}

/** Answers why the file is to be opened again. */
async function send(call: Call, infos: readonly Info[], { edited, path }: { edited: string; path: string }): Promise<string[]> {
  const { session, flags, err } = call
  let objects: Json[]
  try {
    objects = itemsOf(parseYaml(edited)[0]?.value as Json)
  } catch (error) {
    return [`The edited file had a syntax error: ${(error as Error).message}`]
  }
  const print = resultPrinter({ ...call, flags: { ...flags, 'dry-run': 'none' } })
  const reasons: string[] = []
  for (const object of objects) {
    const info = infos.find((one) => one.object.metadata.uid === object.metadata?.uid)
    if (!info) throw new KubectlError('At least one of apiVersion, kind and name was changed')
    const { resource, namespace, name } = info
    try {
      const request = patchOf(info, object)
      if (!request) {
        print(info.object, 'skipped')
        continue
      }
      const query = { fieldManager: flags['field-manager'] || 'kubectl-edit', fieldValidation: 'Strict' }
      const place = pathOf(resource, { namespace, name, subresource: flags.subresource })
      print(await session.request('PATCH', place, { ...request, query }), 'edited')
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      const title = `${resource.plural}${resource.group ? `.${resource.group}` : ''} ${JSON.stringify(name)}`
      if (error.reason === 'NotFound') {
        err(
          `error: ${title} could not be found on the server\nThe edits you made on deleted resources have been saved to ${JSON.stringify(path)}\n`,
        )
        throw new Exit(1)
      }
      if (error.reason !== 'Invalid' && error.reason !== 'BadRequest') {
        err(
          `error: ${title} could not be patched: ${error.message}\nYou can run \`kubectl replace -f ${path}\` to try this update again.\n`,
        )
        throw new Exit(1)
      }
      const causes = (error.details?.causes ?? []).map(({ field, message }) => `* ${field}: ${message}`)
      err(`error: ${title} is invalid\n`)
      reasons.push(`${title} was not valid:\n${(causes.length > 0 ? causes : [`* ${error.message}`]).join('\n')}`)
    }
  }
  return reasons
}

function patchOf({ object }: Info, edited: Json): { body: unknown; contentType: string } | undefined {
  const { managedFields } = object.metadata
  const modified: Json = { ...edited, metadata: { ...edited.metadata, ...(managedFields && { managedFields }) } }
  if (
    modified.apiVersion !== object.apiVersion ||
    modified.kind !== object.kind ||
    modified.metadata.name !== object.metadata.name
  ) {
    throw new KubectlError('At least one of apiVersion, kind and name was changed')
  }
  const kind = kindOf(object)
  const body = (kind ? twoWayPatch(kind.schema, object, modified) : twoWayMergePatch(object, modified)) as Json
  if (Object.keys(body).length === 0) return undefined
  return { body, contentType: kind ? 'application/strategic-merge-patch+json' : 'application/merge-patch+json' }
}
