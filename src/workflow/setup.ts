/** `nami setup`: the folder `hokusai/` of a project, from Nami's own templates or from a folder or repository of templates. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { cleanName } from './project/clean-name.ts'
import { renderedName } from './project/find-file.ts'
import { render } from './project/template.ts'
import { configText, setupTemplates } from './setup-templates.ts'
import type { Surroundings } from './surroundings.ts'
import { WorkflowError } from './workflow-error.ts'

export interface SetupOptions {
  readonly directory: string
  readonly name: string | undefined
  readonly registry: string | undefined
  /** `URL` or `URL#branch`. */
  readonly remote: string | undefined
  readonly templates: string | undefined
  readonly variables: Readonly<Record<string, string>>
  readonly allowMissing: boolean
}

/** The files that were written, relative to the folder. Files that exist are left alone, and told. */
export async function setUp(options: SetupOptions, around: Surroundings): Promise<readonly string[]> {
  const name = cleanName(options.name ?? basename(options.directory))
  if (!name)
    throw new WorkflowError(`${JSON.stringify(options.name)} leaves no name.`, { next: ['nami setup --project-name web'] })
  if (existsSync(join(options.directory, 'hokusai/config.yml'))) {
    throw new WorkflowError('hokusai/config.yml is here already.', { next: ['nami check'] })
  }
  const scratch = mkdtempSync(join(tmpdir(), 'nami-setup-'))
  try {
    const given = await templatesOf(options, { scratch, around })
    const project_repo = `${options.registry ?? 'localhost'}/${name}`
    const variables = { ...options.variables, project_name: name, project_repo }
    // What is missing among the given comes from Nami's own, as Hokusai demands them all.
    const templates = { ...setupTemplates, ...(given && filesIn(given)) }
    const rendered = new Map(
      Object.entries(templates).map(([path, text]) => [
        renderedName(path),
        typeof text === 'string'
          ? `${render(text, path, { root: given ?? '.', variables, allowMissing: options.allowMissing })}${text.endsWith('\n') ? '\n' : ''}`
          : text,
      ]),
    )
    if (!rendered.has('hokusai/config.yml')) rendered.set('hokusai/config.yml', configText(name, options.registry))
    return write(options.directory, rendered, around)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** `--template-dir` is a folder of the repository where one is given. */
async function templatesOf(
  { remote, templates }: SetupOptions,
  { scratch, around }: { scratch: string; around: Surroundings },
): Promise<string | undefined> {
  if (!remote) {
    if (templates && !existsSync(templates)) throw new WorkflowError(`${templates} does not exist.`)
    return templates
  }
  const whole = await clone(remote, scratch, around)
  const folder = templates === undefined ? whole : join(whole, templates)
  if (!existsSync(folder)) throw new WorkflowError(`${remote} has no folder ${templates}.`)
  return folder
}

async function clone(remote: string, scratch: string, { programs }: Surroundings): Promise<string> {
  const [url = '', branch = 'main'] = remote.split('#')
  const to = join(scratch, 'templates')
  const args = ['clone', '--quiet', '--depth', '1', '--branch', branch, '--', url, to]
  const { code, stderr } = await programs.run('git', args, { env: { GIT_TERMINAL_PROMPT: '0' } })
  if (code !== 0) throw new WorkflowError(`${remote}: ${stderr.trim()}`, { next: ['--template-remote URL#branch'] })
  rmSync(join(to, '.git'), { recursive: true, force: true })
  return to
}

/** What ends in `.j2` is a template, a text; anything else is copied as it is. */
function filesIn(folder: string): Record<string, string | Buffer> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith('.git/'))
  return Object.fromEntries(
    files.map((file) => {
      const content = readFileSync(join(folder, file))
      return [file, file.endsWith('.j2') ? content.toString() : content]
    }),
  )
}

function write(directory: string, files: ReadonlyMap<string, string | Buffer>, { note }: Surroundings): string[] {
  const written: string[] = []
  for (const [file, content] of files) {
    const path = join(directory, file)
    if (existsSync(path)) {
      note(`${file} is there already and stays as it is.`)
      continue
    }
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    written.push(file)
  }
  return written.sort()
}

/** Puts a file beside itself as `.backup.YYYYMMDD` before it is replaced. */
export function backUp(path: string, milliseconds: number): string | undefined {
  if (!existsSync(path)) return undefined
  const copy = `${path}.backup.${new Date(milliseconds).toISOString().slice(0, 10).replaceAll('-', '')}`
  cpSync(path, copy)
  return copy
}
